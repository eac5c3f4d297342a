import { offsetOf, type JoinedFrame, type JoinFields } from '../frames.ts'
import { strongest, type Asked, type PeopleFrame, type WhoFrame } from '../people.ts'

/** What a group uses of a tab. */
export interface Receiver {
  deliver(text: string): void
}

/** A frame about a group. */
export interface GroupFrame {
  readonly t?: string
  readonly g: string
  readonly at?: string
  readonly code?: string
}

/** A join that is sent or waits. */
interface Asking {
  /** `undefined` if the tab has left, and if the join is for the tabs that are behind. */
  readonly receiver?: Receiver
  readonly isForBehind?: boolean
  readonly fields: JoinFields
}

/**
 * A group of one connection that several tabs have joined. The connection has one join of it, and each join of a tab replaces that one: so
 * the server sends each tab what it asks for, also to a later one. The other tabs ignore the events that they have, by their offsets. If the
 * new join begins after their position, the group joins once more from there.
 */
export class SharedGroup {
  readonly #name: string
  readonly #send: (frame: object) => void
  /** The tabs whose join is confirmed, and what they want of the people. */
  readonly #joined = new Map<Receiver, Asked>()
  /** The joined tabs that do not get events, because the join of another tab begins after their position. */
  readonly #behind = new Set<Receiver>()
  /** The position of the tabs that are behind, and otherwise of all of them. */
  #position: string | undefined
  #asking: Asking | undefined
  #waiting: Asking[] = []

  constructor(name: string, send: (frame: object) => void) {
    this.#name = name
    this.#send = send
  }

  get isEmpty(): boolean {
    return this.#joined.size === 0 && !this.#asking?.receiver && !this.#waiting.some(({ receiver }) => receiver)
  }

  join(receiver: Receiver, fields: JoinFields): void {
    this.remove(receiver)
    this.#waiting.push({ receiver, fields })
    this.#ask()
  }

  /** Removes a tab. The answer to its join is dropped. */
  remove(receiver: Receiver): void {
    this.#joined.delete(receiver)
    this.#behind.delete(receiver)
    this.#waiting = this.#waiting.filter((one) => one.receiver !== receiver)
    if (this.#asking?.receiver === receiver) this.#asking = { fields: {} }
  }

  receive(text: string, frame: GroupFrame): void {
    if (frame.t === 'joined') this.#onJoined(frame as JoinedFrame)
    else if (frame.t === 'left') this.#onLeft(text)
    else if ('w' in frame) this.#onPeople(frame as PeopleFrame)
    else this.#onEvent(text, frame)
  }

  #ask(): void {
    if (this.#asking) return
    this.#asking = this.#waiting.shift()
    if (!this.#asking) return
    const { receiver, fields } = this.#asking
    const wanted = [...this.#joined.values(), ...(receiver ? [fields.who] : [])]
    this.#send({ t: 'join', g: this.#name, ...fields, who: wanted.reduce(strongest, false) })
  }

  #onJoined(frame: JoinedFrame): void {
    const { receiver, isForBehind, fields } = this.#asking ?? { fields: {} }
    this.#asking = undefined
    if (isForBehind) {
      this.#behind.clear()
      if (!frame.recovered) this.#reset(frame)
    } else if (this.#joined.size === 0) this.#position = frame.at
    else if (!continues(this.#position, frame.at)) {
      for (const one of this.#joined.keys()) this.#behind.add(one)
      this.#waiting.unshift({ isForBehind: true, fields: { since: this.#position } })
    }
    if (receiver) {
      receiver.deliver(JSON.stringify({ ...frame, who: peopleFor(fields.who, frame.who) }))
      this.#joined.set(receiver, fields.who)
    }
    this.#ask()
  }

  #reset({ t: _t, recovered: _r, top: _top, who: _who, why = 'refused', ...from }: JoinedFrame): void {
    this.#position = from.at
    this.#deliver(JSON.stringify({ ...from, t: 'reset', why }))
  }

  /** The server has refused or ended the join, which was that of all tabs. */
  #onLeft(text: string): void {
    this.#deliver(text)
    for (const { receiver } of [...(this.#asking ? [this.#asking] : []), ...this.#waiting]) receiver?.deliver(text)
    this.#joined.clear()
    this.#behind.clear()
    this.#asking = undefined
    this.#waiting = []
    this.#position = undefined
  }

  #onPeople({ g, w }: PeopleFrame): void {
    for (const [receiver, who] of this.#joined) {
      const people = peopleFor(who, w)
      if (people) receiver.deliver(JSON.stringify({ g, w: people }))
    }
  }

  #onEvent(text: string, { t, at }: GroupFrame): void {
    for (const receiver of this.#joined.keys()) if (!this.#behind.has(receiver)) receiver.deliver(text)
    if (at === undefined || this.#behind.size > 0) return
    if (t === 'reset' || offsetOf(at) > offsetOf(this.#position ?? at)) this.#position = at
  }

  #deliver(text: string): void {
    for (const receiver of this.#joined.keys()) receiver.deliver(text)
  }
}

/** Whether the events after `at` continue the position: it is at least as far, in the same epoch. */
function continues(position: string | undefined, at: string): boolean {
  return position !== undefined && epochOf(position) === epochOf(at) && offsetOf(at) <= offsetOf(position)
}

function epochOf(position: string): string {
  return position.slice(0, position.lastIndexOf(':'))
}

/** The part of the people that a tab wants. */
function peopleFor<People extends WhoFrame>(who: Asked, people: People | undefined): People | WhoFrame | undefined {
  if (who === false || !people) return undefined
  return who === 'count' ? { count: people.count } : people
}

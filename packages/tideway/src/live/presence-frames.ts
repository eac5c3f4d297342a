import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { PresenceDiff, PresenceView } from '../layer/presence/presence-view.ts'
import { framePrefix } from './entry-frame.ts'

/** What a client gets of the presence of a group. `auto`: the list, or the count while the group is large. */
export type PresenceMode = 'list' | 'auto' | 'count'

/** The people of a group in the answer to a join. */
export interface Who {
  readonly count: number
  /** At most `listSize` people. `undefined` if the client gets the count only. */
  readonly list?: Readonly<Record<string, unknown>> | undefined
}

/** The bounds of the list of a client. */
export interface ListBounds {
  readonly listSize: number
  readonly listUpTo: number
}

/** A group that had more than `listUpTo` people is listed again below this part of it: a group at the bound would change all the time. */
const LISTED_AGAIN = 0.9

/**
 * The list of a group that the clients of this process hold: all people, or `listSize` of them. Makes the frames that change it, one
 * for all clients with the same mode.
 */
export class PresenceFrames {
  readonly #bounds: ListBounds
  readonly #prefix: string
  readonly #list = new Map<string, unknown>()
  #count = 0
  /** Whether the group is small enough for the list in the mode `auto`. */
  #isListed = true
  /** Whether the process holds the people. */
  #isHeld = true

  constructor(wireName: string, bounds: ListBounds) {
    this.#bounds = bounds
    this.#prefix = framePrefix(wireName)
  }

  open(view: PresenceView): void {
    this.#count = view.count
    this.#isHeld = view.people !== undefined
    this.#isListed = view.count <= this.#bounds.listUpTo
    this.#fill(view)
  }

  /** The people for a client that joins now. */
  who(mode: PresenceMode): Who {
    if (!this.#hasList(mode)) return { count: this.#count }
    return { count: this.#count, list: Object.fromEntries(this.#list) }
  }

  /** The frame with the whole state, for a client that was too slow for the changes. */
  whole(mode: PresenceMode): WebSocketMessageSendEvent {
    const { count, list = {} } = this.who(mode)
    return this.#frame(mode === 'count' ? { count } : { list, count })
  }

  /** Takes a change of the view, and returns the frame of each mode. */
  take(diff: PresenceDiff, view: PresenceView): (mode: PresenceMode) => WebSocketMessageSendEvent {
    const wasListed = { list: this.#hasList('list'), auto: this.#hasList('auto'), count: false }
    const changes = this.#apply(diff, view)
    const frames = new Map<string, WebSocketMessageSendEvent>()
    return (mode) => {
      const hasList = this.#hasList(mode)
      const kind = hasList !== wasListed[mode] ? 'whole' : hasList ? 'changes' : 'count'
      const key = `${kind} ${hasList}`
      let frame = frames.get(key)
      if (frame === undefined) {
        if (kind === 'whole') frame = this.whole(mode)
        else frame = this.#frame(kind === 'changes' ? { ...changes, count: this.#count } : { count: this.#count })
        frames.set(key, frame)
      }
      return frame
    }
  }

  #apply(diff: PresenceDiff, view: PresenceView): object {
    const { listSize, listUpTo } = this.#bounds
    const [entered, changed, left] = [new Map<string, unknown>(), new Map<string, unknown>(), [] as string[]]
    this.#count = diff.count
    this.#isListed = diff.count <= (this.#isListed ? listUpTo : listUpTo * LISTED_AGAIN)
    this.#isHeld = view.people !== undefined
    if (!this.#isHeld) this.#list.clear()
    for (const key of diff.out) if (this.#list.delete(key)) left.push(key)
    for (const [key, meta] of [...diff.in, ...diff.up]) {
      const isKnown = this.#list.has(key)
      if (!isKnown && this.#list.size >= listSize) continue
      this.#list.set(key, meta)
      ;(isKnown ? changed : entered).set(key, meta)
    }
    for (const [key, meta] of this.#fill(view)) entered.set(key, meta)
    return {
      ...(entered.size > 0 && { in: Object.fromEntries(entered) }),
      ...(left.length > 0 && { out: left }),
      ...(changed.size > 0 && { up: Object.fromEntries(changed) }),
    }
  }

  /** Adds people of the view until the list is full, and returns them. */
  #fill({ people }: PresenceView): Map<string, unknown> {
    const added = new Map<string, unknown>()
    if (people === undefined || this.#list.size >= Math.min(this.#bounds.listSize, people.size)) return added
    for (const [key, meta] of people) {
      if (this.#list.has(key)) continue
      this.#list.set(key, meta)
      added.set(key, meta)
      if (this.#list.size >= this.#bounds.listSize) break
    }
    return added
  }

  #hasList(mode: PresenceMode): boolean {
    return this.#isHeld && (mode === 'list' || (mode === 'auto' && this.#isListed))
  }

  #frame(change: object): WebSocketMessageSendEvent {
    return sharedSend({ text: `${this.#prefix}"w":${JSON.stringify(change)}}` })
  }
}

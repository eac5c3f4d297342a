import type { HelloFrame, JoinedFrame, JoinFields } from '../frames.ts'

type HelloGroups = HelloFrame['groups']

/** A frame of the server about a group. */
interface GroupFrame {
  readonly t?: string
  readonly g: string
  readonly at?: string
}

/**
 * The joins of a client whose server forgets them with each answer. Each downward request joins all groups again, and this class hides
 * that from the client: of later answers it passes only what is new.
 */
export class HttpGroups {
  #groups = new Map<string, JoinFields>()
  /** The groups whose join the client has seen confirmed. */
  readonly #confirmed = new Set<string>()
  /** The first request whose frames of the group are valid: earlier ones are of a join that the client has replaced. */
  readonly #validFrom = new Map<string, number>()

  /** Replaces all groups. Returns whether they differ in more than their positions, which only move forward. */
  replace(groups: HelloGroups, nextRequest: number): boolean {
    const before = this.#groups
    const names = Object.keys(groups)
    this.#groups = new Map(Object.entries(groups))
    let isChanged = before.size !== names.length
    for (const name of names) {
      const [was, is] = [before.get(name), groups[name]]
      if (was && is && was.last === is.last && was.who === is.who) continue
      isChanged = true
      this.#forget(name, nextRequest)
    }
    return isChanged
  }

  join(name: string, fields: JoinFields, nextRequest: number): void {
    this.#groups.set(name, fields)
    this.#forget(name, nextRequest)
  }

  leave(name: string, nextRequest: number): void {
    this.#groups.delete(name)
    this.#forget(name, nextRequest)
  }

  /** The groups for the next request, from their positions. */
  hello(): HelloGroups {
    return Object.fromEntries(this.#groups)
  }

  /**
   * Returns the frames for the client instead of a frame about a group, as texts. `request` is the number of the request that it answers, and
   * `asked` are the groups of its `hello`.
   */
  receive(text: string, frame: GroupFrame, request: number, asked: HelloGroups): readonly string[] {
    const { g: name } = frame
    const fields = this.#groups.get(name)
    if (!fields || !Object.hasOwn(asked, name) || request < (this.#validFrom.get(name) ?? 0)) return []
    if (frame.t === 'left') {
      // If the refusal is temporary, the client joins again.
      this.leave(name, request)
      return [text]
    }
    const isRepeated = frame.t === 'joined' && this.#confirmed.has(name)
    // A repeated join that is recovered begins at the position of the request, and the client may be ahead of it.
    if (frame.at !== undefined && !(isRepeated && (frame as JoinedFrame).recovered))
      this.#groups.set(name, { ...fields, since: frame.at })
    if (isRepeated) return continued(frame as JoinedFrame).map((one) => JSON.stringify(one))
    if (frame.t === 'joined') this.#confirmed.add(name)
    return [text]
  }

  /** Returns the joins that a poll without news has confirmed: those with a position. */
  confirmAll(asked: HelloGroups, request: number): readonly string[] {
    return Object.entries(asked).flatMap(([g, { since: at }]) => {
      if (at === undefined) return []
      const frame = { t: 'joined', g, at, top: at, recovered: true } as const
      return this.receive(JSON.stringify(frame), frame, request, asked)
    })
  }

  /** Whether the join of a group with a position is not confirmed: without news the server answers such a poll only after its wait. */
  get isResuming(): boolean {
    return Array.from(this.#groups).some(([name, { since }]) => since !== undefined && !this.#confirmed.has(name))
  }

  #forget(name: string, nextRequest: number): void {
    this.#confirmed.delete(name)
    this.#validFrom.set(name, nextRequest)
  }
}

/** What a repeated join tells a client that is in the group. */
function continued({ t: _t, g, recovered, why = 'refused', who, ...from }: JoinedFrame): object[] {
  const frames: object[] = []
  if (!recovered) frames.push({ ...from, t: 'reset', g, why })
  if (who) frames.push({ g, w: { list: {}, ...who } })
  return frames
}

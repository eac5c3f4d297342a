/** Names of groups that wait at once to be told; more of them become all groups. */
export const MAX_NOTED_GROUPS = 1000

/** How long names are collected before they are told, and how long to wait before trying again, in milliseconds. */
const COLLECT_MS = 100

/** The names of groups, or `'all'`: any group may be concerned. */
export type Groups = readonly string[] | 'all'

/** Collects the groups that have missed messages, and tells of them together: again and again until that succeeds. */
export class GapNotes {
  readonly #tell: (groups: Groups) => void | Promise<void>
  #groups: Set<string> | 'all' = new Set()
  #timer: NodeJS.Timeout | undefined
  #isTelling = false
  #isClosed = false

  constructor(tell: (groups: Groups) => void | Promise<void>) {
    this.#tell = tell
  }

  /** Whether a group waits to be told. */
  get isEmpty(): boolean {
    return this.#groups !== 'all' && this.#groups.size === 0
  }

  add(groups: Groups): void {
    if (groups === 'all') this.#groups = 'all'
    else for (const group of groups) this.#addGroup(group)
    if (!this.isEmpty && !this.#isTelling && !this.#isClosed) {
      this.#timer ??= setTimeout(() => void this.flush(), COLLECT_MS).unref()
    }
  }

  /** Tells of what was collected. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.isEmpty || this.#isTelling) return
    const groups = this.#groups === 'all' ? 'all' : [...this.#groups]
    this.#groups = new Set()
    this.#isTelling = true
    let untold: Groups = []
    try {
      await this.#tell(groups)
    } catch {
      // Redis is still gone: the groups wait, with those that came since.
      untold = groups
    }
    this.#isTelling = false
    this.add(untold)
  }

  /** Ends it. Nothing is told any more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #addGroup(group: string): void {
    if (this.#groups === 'all') return
    this.#groups.add(group)
    if (this.#groups.size > MAX_NOTED_GROUPS) this.#groups = 'all'
  }
}

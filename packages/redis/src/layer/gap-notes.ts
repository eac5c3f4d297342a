/** Maximum number of collected group names; more become `'all'`. */
export const MAX_NOTED_GROUPS = 1000

/** How long names are collected before they are sent, and the pause before a retry, in milliseconds. */
const COLLECT_MS = 100

/** The names of groups, or `'all'` if any group may be affected. */
export type Groups = readonly string[] | 'all'

/** Collects the groups that missed messages, and sends their names together. Retries until that succeeds. */
export class GapNotes {
  readonly #send: (groups: Groups) => void | Promise<void>
  #groups: Set<string> | 'all' = new Set()
  #timer: NodeJS.Timeout | undefined
  #isSending = false
  #isClosed = false

  constructor(send: (groups: Groups) => void | Promise<void>) {
    this.#send = send
  }

  /** Whether no group waits to be sent. */
  get isEmpty(): boolean {
    return this.#groups !== 'all' && this.#groups.size === 0
  }

  add(groups: Groups): void {
    if (groups === 'all') this.#groups = 'all'
    else for (const group of groups) this.#addGroup(group)
    if (!this.isEmpty && !this.#isSending && !this.#isClosed) {
      this.#timer ??= setTimeout(() => void this.flush(), COLLECT_MS).unref()
    }
  }

  /** Sends the collected groups. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.isEmpty || this.#isSending) return
    const groups = this.#groups === 'all' ? 'all' : [...this.#groups]
    this.#groups = new Set()
    this.#isSending = true
    let unsent: Groups = []
    try {
      await this.#send(groups)
    } catch {
      // Redis is still unreachable. These groups are sent later, with the groups added since.
      unsent = groups
    }
    this.#isSending = false
    this.add(unsent)
  }

  /** Stops sending. */
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

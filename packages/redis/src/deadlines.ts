/** Steps of the timer within one timeout. */
const STEPS = 4

/**
 * Expires entries that wait for an answer of Redis. Time is counted in steps of a timer, so that a blocked event loop or a
 * stopped process does not count as silence of Redis, and what is in the socket is read before an entry expires.
 */
export class Deadlines<Entry> {
  readonly #timeoutMs: number
  readonly #expire: (entry: Entry) => void
  readonly #steps = new Map<Entry, number>()
  #step = 0
  #timer: NodeJS.Timeout | undefined

  /** @param timeoutMs entries expire after this time, and before one and a quarter of it */
  constructor(timeoutMs: number, expire: (entry: Entry) => void) {
    this.#timeoutMs = timeoutMs
    this.#expire = expire
  }

  get size(): number {
    return this.#steps.size
  }

  add(entry: Entry): void {
    this.#timer ??= setInterval(() => this.#tick(), this.#timeoutMs / STEPS).unref()
    this.#steps.set(entry, this.#step)
  }

  delete(entry: Entry): void {
    this.#steps.delete(entry)
  }

  /** Forgets every entry. */
  close(): void {
    this.#steps.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    this.#step++
    if (this.#steps.size === 0) this.close()
    // Timers run before the sockets are read: an answer that has arrived comes first.
    else if (this.#isDue()) setImmediate(() => this.#expireDue())
  }

  #isDue(): boolean {
    for (const step of this.#steps.values()) return this.#step - step > STEPS
    return false
  }

  #expireDue(): void {
    // Entries are in the order in which they were added.
    for (const [entry, step] of this.#steps) {
      if (this.#step - step <= STEPS) return
      this.#steps.delete(entry)
      this.#expire(entry)
    }
  }
}

/** Timer ticks per timeout. */
const STEPS = 4

/**
 * Expires entries that wait for a reply of Redis. Counts time in timer ticks, so that a blocked event loop or a stopped
 * process does not count as silence of Redis. The socket is read before an entry expires.
 */
export class Deadlines<Entry> {
  readonly #timeoutMs: number
  readonly #expire: (entry: Entry) => void
  readonly #steps = new Map<Entry, number>()
  #step = 0
  #timer: NodeJS.Timeout | undefined

  /** @param timeoutMs entries expire between 1 and 1.25 times this time */
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

  /** Removes all entries without expiring them. */
  close(): void {
    this.#steps.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    this.#step++
    if (this.#steps.size === 0) this.close()
    // Timers run before sockets are read. A reply that has arrived is handled first.
    else if (this.#isDue()) setImmediate(() => this.#expireDue())
  }

  #isDue(): boolean {
    for (const step of this.#steps.values()) return this.#step - step > STEPS
    return false
  }

  #expireDue(): void {
    // A Map iterates in insertion order, so the oldest entry comes first.
    for (const [entry, step] of this.#steps) {
      if (this.#step - step <= STEPS) return
      this.#steps.delete(entry)
      this.#expire(entry)
    }
  }
}

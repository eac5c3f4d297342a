import type { LogEntry } from './event-log.ts'

/** The newest entries of a log in this process, without a hole: at most a number, and at most a number of bytes. */
export class Ring {
  readonly #maxEntries: number
  readonly #maxBytes: number
  #entries: LogEntry[] = []
  /** The index of the oldest entry. */
  #head = 0
  #bytes = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  /** The bytes of the bodies in UTF-8. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.length - this.#head
  }

  get oldest(): LogEntry | undefined {
    return this.#entries[this.#head]
  }

  get newest(): LogEntry | undefined {
    return this.#entries.at(-1)
  }

  /** The entry at the offset; `undefined` if the ring does not hold it. */
  at(offset: number): LogEntry | undefined {
    const { oldest } = this
    return oldest === undefined || offset < oldest.offset
      ? undefined
      : this.#entries[this.#head + offset - oldest.offset]
  }

  /** Adds the entry after the newest one, and drops the oldest ones that are over a bound. A larger entry than the bound stays alone. */
  push(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += Buffer.byteLength(entry.body)
    while (this.size > 1 && (this.size > this.#maxEntries || this.#bytes > this.#maxBytes)) this.dropOldest()
  }

  dropOldest(): void {
    const { oldest } = this
    if (oldest === undefined) return
    this.#bytes -= Buffer.byteLength(oldest.body)
    this.#entries[this.#head++] = undefined as never
    if (this.#head < 64 && this.#head < this.#entries.length) return
    // Compacts only now and then, so that a drop costs a constant on average.
    this.#entries.splice(0, this.#head)
    this.#head = 0
  }

  dropNewest(): void {
    const { newest } = this
    if (newest === undefined) return
    this.#bytes -= Buffer.byteLength(newest.body)
    this.#entries.pop()
  }

  clear(): void {
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
  }
}

/** Keeps bytes for one client: bytes that the client has not read, or bytes that the application has not read yet. */
export interface BufferHolder {
  readonly bufferedBytes: number
  /** Destroys the connection. */
  discard(): void
}

/** How often the bytes of all holders are added up, in milliseconds. */
const LOOK_EVERY_MS = 1000
/** They are also added up as soon as this part of the bound was added. */
const PART_ADDED = 16

/**
 * Bounds the bytes that a server keeps for all of its clients together. Each connection has its own bounds, but a thousand
 * connections have a thousand times as much. Above the bound, the connections that hold the most bytes are destroyed first.
 *
 * It keeps no running sum: to add and subtract at each message costs more than to read all holders once per second.
 */
export class BufferedBytes {
  readonly #maxBytes: number
  readonly #holders: () => Iterable<BufferHolder>
  readonly #timer: NodeJS.Timeout
  #added = 0
  #isScheduled = false
  #bytes = 0
  #discarded = 0

  /** @param maxBytes `false`: no bound */
  constructor(maxBytes: number | false, holders: () => Iterable<BufferHolder>) {
    this.#maxBytes = maxBytes === false ? Infinity : maxBytes
    this.#holders = holders
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  /** The bytes at the last sweep, at most one second ago. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many connections were destroyed. */
  get discarded(): number {
    return this.#discarded
  }

  /** Counts bytes that were received or written and may have to be kept. */
  added(byteLength: number): void {
    this.#added += byteLength
    if (this.#added < this.#maxBytes / PART_ADDED || this.#isScheduled) return
    this.#isScheduled = true
    // Deferred, since a connection must not be destroyed in the middle of its own work.
    setImmediate(() => this.#look())
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#added = 0
    this.#isScheduled = false
    let total = 0
    for (const { bufferedBytes } of this.#holders()) total += bufferedBytes
    if (total > this.#maxBytes) total = this.#discardUntilBelow(total)
    this.#bytes = total
  }

  #discardUntilBelow(total: number): number {
    const holders = [...this.#holders()].map((holder) => ({ holder, bytes: holder.bufferedBytes }))
    holders.sort((a, b) => b.bytes - a.bytes)
    let left = total
    for (const { holder, bytes } of holders) {
      if (left <= this.#maxBytes) break
      left -= bytes
      this.#discarded++
      holder.discard()
    }
    return left
  }
}

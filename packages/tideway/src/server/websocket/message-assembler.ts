import { Utf8Validator } from './utf8-validator.ts'

const FIRST_BYTES = 1024

/**
 * A message that comes in pieces. Its buffer doubles as it fills, so a message in 100,000 fragments costs what its bytes
 * cost, and a header that promises a large payload reserves nothing.
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

  /** `false`: a text that can no longer be valid UTF-8. */
  append(piece: Buffer): boolean {
    const length = this.#length + piece.length
    if (length > this.#buffer.length) this.#grow(length)
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
    return this.#buffer.toString('utf8', 0, this.#length)
  }

  #grow(atLeast: number): void {
    const doubled = Math.max(FIRST_BYTES, this.#buffer.length * 2, atLeast)
    const grown = Buffer.allocUnsafeSlow(Math.max(atLeast, Math.min(doubled, this.#maxBytes)))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

import { MessageAssembler } from '../message-assembler.ts'

/** A compressed message that comes in pieces. Its text is looked at when it is whole and inflated. */
export class CompressedAssembler extends MessageAssembler {
  readonly isCompressedText: boolean

  constructor(isCompressedText: boolean, maxMessageBytes: number) {
    super(false, maxCompressedBytes(maxMessageBytes))
    this.isCompressedText = isCompressedText
  }
}

/**
 * How many bytes a compressed message may have. Compression can make what does not compress a little larger: by zlib's
 * own bound (`deflateBound`), an eighth and some bytes at its worst settings.
 */
export function maxCompressedBytes(maxMessageBytes: number): number {
  return maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64
}

import { MessageAssembler } from '../message-assembler.ts'

/** Joins the pieces of a compressed message. Its text is validated after inflation. */
export class CompressedAssembler extends MessageAssembler {
  readonly isCompressedText: boolean

  constructor(isCompressedText: boolean, maxMessageBytes: number) {
    super(false, maxCompressedBytes(maxMessageBytes))
    this.isCompressedText = isCompressedText
  }
}

/**
 * The maximum size of a compressed message. Compression can enlarge incompressible data slightly: by zlib's own bound
 * (`deflateBound`), an eighth and some bytes at its worst settings.
 */
export function maxCompressedBytes(maxMessageBytes: number): number {
  return maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64
}

import { encodeFrame, type Frame, type opcodes } from '../frame.ts'

/** RFC 7692 §6: in the first byte of a message's first frame, marks a compressed message. */
const RSV1 = 0x40

/** The frame of a message, compressed if that is smaller. */
export function encodeSmallerFrame(
  opcode: typeof opcodes.text | typeof opcodes.binary,
  payload: Uint8Array,
  deflated: Buffer,
): Frame {
  if (deflated.length >= payload.length) return encodeFrame(opcode, payload)
  const frame = encodeFrame(opcode, deflated)
  frame.buffer[frame.start]! |= RSV1
  return frame
}

/** Whether the frame's message is compressed. */
export function isCompressedFrame(frame: Frame): boolean {
  return (frame.firstByte & RSV1) !== 0
}

/** Opcodes of RFC 6455 §5.2. */
export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const

/** An opcode that the protocol defines. */
export type Opcode = (typeof opcodes)[keyof typeof opcodes]

/** The most bytes that a control frame may setTlsDuplex (RFC 6455 §5.5). */
export const MAX_CONTROL_PAYLOAD = 125

const FIN = 0x80

/** UTF-8 bytes per UTF-16 unit at most: a surrogate pair has four bytes for two units. */
export const MAX_BYTES_PER_UNIT = 3

/** A frame of a server in a buffer that may have others beside it. The view of its bytes costs more than the object. */
export class Frame {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number

  constructor(buffer: Buffer, start = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.start = start
    this.end = end
  }

  /** The number of its bytes. */
  get length(): number {
    return this.end - this.start
  }

  /** The first byte, with the opcode and the flags. */
  get firstByte(): number {
    return this.buffer[this.start]!
  }

  /** A view of its bytes. */
  get bytes(): Buffer {
    return this.length === this.buffer.length ? this.buffer : this.buffer.subarray(this.start, this.end)
  }
}

/** A whole text message as one frame of a server: final, unmasked (RFC 6455 §5.1: a server does not mask). */
export function encodeTextFrame(text: string): Frame {
  const length = Buffer.byteLength(text)
  const start = headerLength(length)
  const frame = Buffer.allocUnsafe(start + length)
  writeHeader(frame, 0, opcodes.text, length)
  // As many bytes as characters: all ASCII, which copies several times faster than it encodes.
  frame.write(text, start, length === text.length ? 'latin1' : 'utf8')
  return new Frame(frame)
}

/** A whole payload as one frame of a server. */
export function encodeFrame(opcode: Opcode, payload: Uint8Array): Frame {
  const start = headerLength(payload.byteLength)
  const frame = Buffer.allocUnsafe(start + payload.byteLength)
  writeHeader(frame, 0, opcode, payload.byteLength)
  frame.set(payload, start)
  return new Frame(frame)
}

/** A close frame; without a code its payload is empty. The reason is truncated to fit. */
export function encodeCloseFrame(code?: number, reason = ''): Frame {
  if (code === undefined) return encodeFrame(opcodes.close, new Uint8Array())
  const payload = Buffer.allocUnsafe(MAX_CONTROL_PAYLOAD)
  payload.writeUInt16BE(code)
  // write() stops before a character that does not fit whole, so the rest is valid UTF-8.
  const length = 2 + payload.write(reason, 2)
  return encodeFrame(opcodes.close, payload.subarray(0, length))
}

/** A ping without a payload. */
export const PING_FRAME: Frame = encodeFrame(opcodes.ping, new Uint8Array())

/** The length of the header: the payload length has 7, 16 or 64 bits. */
export function headerLength(payloadLength: number): number {
  if (payloadLength < 126) return 2
  return payloadLength < 65_536 ? 4 : 10
}

/** Writes the header of a final frame. */
export function writeHeader(buffer: Buffer, at: number, opcode: Opcode, payloadLength: number): void {
  buffer[at] = FIN | opcode
  if (payloadLength < 126) buffer[at + 1] = payloadLength
  else if (payloadLength < 65_536) {
    buffer[at + 1] = 126
    buffer.writeUInt16BE(payloadLength, at + 2)
  } else {
    buffer[at + 1] = 127
    buffer.writeUInt32BE(Math.floor(payloadLength / 2 ** 32), at + 2)
    buffer.writeUInt32BE(payloadLength >>> 0, at + 6)
  }
}

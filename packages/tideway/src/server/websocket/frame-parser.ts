import { isUtf8 } from 'node:buffer'
import { closeCodes, isValidCloseCode } from '../../asgi/close-codes.ts'
import { decodeText } from './decode-text.ts'
import { CompressedAssembler, maxCompressedBytes } from './deflate/compressed-assembler.ts'
import { MAX_CONTROL_PAYLOAD, opcodes } from './frame.ts'
import { MessageAssembler } from './message-assembler.ts'
import { unmask, unmaskAscii } from './mask.ts'

/** The callbacks of a parser: whole messages, control frames, and one error, after which the parser ignores input. */
export interface FrameSink {
  /** @param byteLength of its payload */
  onText(message: string, byteLength: number): void
  onBinary(message: Buffer): void
  onPing(payload: Buffer): void
  onPong(payload: Buffer): void
  /** @param code 1005 when the frame had none */
  onCloseFrame(code: number, reason: string): void
  /** @param code the close code that the error leads to */
  onProtocolError(code: number, message: string): void
}

/** The callback of a parser for compressed messages. */
export interface CompressedSink {
  /** A message with RSV1, still compressed (RFC 7692 §6). */
  onCompressed(isText: boolean, payload: Buffer): void
}

/** The part of a frame that the parser reads next. */
type State = 'header' | 'payload' | 'ended'

const RSV_BITS = 0x70
/** RFC 7692 §6: the bit of a compressed message. */
const RSV1 = 0x40
/**
 * Internal opcodes of compressed messages, so that other frames need no check for compression. Opcodes on the wire are never
 * negative.
 */
const compressedOpcodes = { text: -1, binary: -2 } as const

/** The longest header: 2 bytes, 8 of length, 4 of mask. */
const MAX_HEADER = 14

/** Messages of at least this size stay views of the chunk that they came in; smaller ones must not keep it alive. */
const VIEW_FROM_BYTES = 16 * 1024

/**
 * Reads a client's frames (RFC 6455 §5) directly from the chunks of the socket. A frame that is whole in one chunk, as nearly all
 * are, is unmasked in place and copied once, into the message. Only frames across two chunks are assembled.
 */
export class FrameParser {
  #sink: FrameSink
  #compressedSink: CompressedSink | undefined
  #maxMessageBytes: number
  #state: State = 'header'
  /** The first bytes of an incomplete header. */
  #header: Uint8Array | undefined
  #headerBytes = 0
  #paused = false
  #unparsed: Buffer | undefined

  // The frame whose payload is being read:
  #fin = false
  #opcode = 0
  #payloadLength = 0
  #payloadRead = 0
  #mask = 0

  /** The message whose fragments are being read. */
  #message: MessageAssembler | undefined
  #control: Buffer | undefined

  /** @param compressedSink without it, RSV1 is a protocol error */
  constructor(sink: FrameSink, maxMessageBytes: number, compressedSink?: CompressedSink) {
    this.#sink = sink
    this.#compressedSink = compressedSink
    this.#maxMessageBytes = maxMessageBytes
  }

  /** Reads the chunks of another connection. Only between two messages. */
  serve(sink: FrameSink, maxMessageBytes: number, compressedSink: CompressedSink | undefined): void {
    this.#sink = sink
    this.#compressedSink = compressedSink
    this.#maxMessageBytes = maxMessageBytes
  }

  /** Whether it keeps no part of a frame or a message and is not paused. */
  get isBetweenMessages(): boolean {
    return (
      this.#state === 'header' &&
      this.#headerBytes === 0 &&
      this.#message === undefined &&
      !this.#paused &&
      this.#unparsed === undefined
    )
  }

  /** Whether it parses nothing until {@link resume}. */
  get isPaused(): boolean {
    return this.#paused
  }

  /** The kept bytes of an incomplete message and of an unparsed chunk. */
  get bufferedBytes(): number {
    return (this.#message?.bufferedBytes ?? 0) + (this.#unparsed?.length ?? 0)
  }

  /** Stops after the current frame and keeps the rest of the chunk. */
  pause(): void {
    this.#paused = true
  }

  /** Parses the kept bytes. */
  resume(): void {
    this.#paused = false
    const rest = this.#unparsed
    this.#unparsed = undefined
    if (rest !== undefined) this.push(rest)
  }

  /** Ignores further input and drops incomplete messages. */
  end(): void {
    this.#state = 'ended'
    this.#message = undefined
    this.#control = undefined
    this.#unparsed = undefined
  }

  /** Parses a chunk. Its bytes are changed: frames are unmasked in place. */
  push(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && this.#state !== 'ended') {
      if (this.#paused) {
        this.#unparsed = chunk.subarray(offset)
        return
      }
      offset = this.#state === 'header' ? this.#readFrame(chunk, offset) : this.#readPayload(chunk, offset)
    }
  }

  /** Reads a header, and the whole frame if the chunk has it. Returns the next offset. */
  #readFrame(chunk: Buffer, start: number): number {
    if (this.#headerBytes > 0) return this.#readCutHeader(chunk, start)
    const length = headerLength(chunk, start)
    if (length === undefined || start + length > chunk.length) return this.#readCutHeader(chunk, start)
    if (!this.#parseHeader(chunk, start)) return chunk.length
    return this.#afterHeader(chunk, start + length)
  }

  /** Assembles a header across two chunks. */
  #readCutHeader(chunk: Buffer, start: number): number {
    const header = (this.#header ??= new Uint8Array(MAX_HEADER))
    let offset = start
    while (offset < chunk.length) {
      header[this.#headerBytes++] = chunk[offset++]!
      if (headerLength(header, 0, this.#headerBytes) !== this.#headerBytes) continue
      this.#headerBytes = 0
      if (!this.#parseHeader(header, 0)) return chunk.length
      return this.#afterHeader(chunk, offset)
    }
    return offset
  }

  /** Returns `false` if the header violates the protocol. */
  #parseHeader(bytes: Uint8Array, start: number): boolean {
    const first = bytes[start]!
    const second = bytes[start + 1]!
    this.#fin = first >= 0x80
    this.#opcode = first & 0x0f
    if ((first & RSV_BITS) !== 0 && !this.#takeCompressed(first)) {
      return this.#fail(closeCodes.protocolError, this.#reservedProblem(first))
    }
    if (second < 0x80) return this.#fail(closeCodes.protocolError, 'a client must mask its frames')
    const problem = this.#opcodeProblem()
    if (problem !== undefined) return this.#fail(closeCodes.protocolError, problem)

    let length = second & 0x7f
    let maskAt = start + 2
    if (length === 126) {
      length = (bytes[start + 2]! << 8) | bytes[start + 3]!
      maskAt = start + 4
      if (length < 126) return this.#fail(closeCodes.protocolError, 'length not in its shortest form')
    } else if (length === 127) {
      const high = readUint32(bytes, start + 2)
      length = high * 2 ** 32 + readUint32(bytes, start + 6)
      maskAt = start + 10
      if (high >= 0x80000000) return this.#fail(closeCodes.protocolError, 'length with its highest bit set')
      if (length < 65_536) return this.#fail(closeCodes.protocolError, 'length not in its shortest form')
    }
    if (this.#opcode >= opcodes.close) {
      if (length > MAX_CONTROL_PAYLOAD) return this.#fail(closeCodes.protocolError, 'control frame over 125 bytes')
    } else if (length + (this.#message?.byteLength ?? 0) > this.#maxMessageBytes && !this.#fitsCompressed(length)) {
      return this.#fail(closeCodes.messageTooBig, `message over ${this.#maxMessageBytes} bytes`)
    }
    this.#payloadLength = length
    this.#payloadRead = 0
    this.#mask = readUint32(bytes, maskAt)
    return true
  }

  #reservedProblem(first: number): string {
    const isMisplaced = this.#compressedSink !== undefined && (first & RSV_BITS) === RSV1
    return isMisplaced ? 'RSV1 on a frame that begins no message' : 'reserved bits without an extension'
  }

  /** Only the first frame of a message has the bit of compression; control frames never have it (RFC 7692 §6). */
  #takeCompressed(first: number): boolean {
    if ((first & RSV_BITS) !== RSV1 || this.#compressedSink === undefined) return false
    if (this.#opcode === opcodes.text) this.#opcode = compressedOpcodes.text
    else if (this.#opcode === opcodes.binary) this.#opcode = compressedOpcodes.binary
    else return false
    return true
  }

  #fitsCompressed(length: number): boolean {
    if (this.#opcode >= 0 && !(this.#message instanceof CompressedAssembler)) return false
    return length + (this.#message?.byteLength ?? 0) <= maxCompressedBytes(this.#maxMessageBytes)
  }

  /** RFC 6455 §5.2, §5.4 and §5.5. */
  #opcodeProblem(): string | undefined {
    switch (this.#opcode) {
      case opcodes.continuation:
        return this.#message === undefined ? 'continuation without a message' : undefined
      case opcodes.text:
      case opcodes.binary:
      case compressedOpcodes.text:
      case compressedOpcodes.binary:
        return this.#message === undefined ? undefined : 'new message inside a fragmented one'
      case opcodes.close:
      case opcodes.ping:
      case opcodes.pong:
        return this.#fin ? undefined : 'fragmented control frame'
      default:
        return `unknown opcode ${this.#opcode}`
    }
  }

  #afterHeader(chunk: Buffer, payloadAt: number): number {
    const end = payloadAt + this.#payloadLength
    if (end > chunk.length || this.#message !== undefined || !this.#fin) {
      this.#state = 'payload'
      if (this.#opcode >= opcodes.close) this.#control = Buffer.allocUnsafe(this.#payloadLength)
      else this.#message ??= this.#newMessage()
      return this.#readPayload(chunk, payloadAt)
    }
    this.#readWholeFrame(chunk, payloadAt, end)
    return end
  }

  #newMessage(): MessageAssembler {
    const { text, binary } = compressedOpcodes
    if (this.#opcode !== text && this.#opcode !== binary) {
      return new MessageAssembler(this.#opcode === opcodes.text, this.#maxMessageBytes)
    }
    return new CompressedAssembler(this.#opcode === text, this.#maxMessageBytes)
  }

  /** The hot path: a final frame that is whole in the chunk and not part of a fragmented message. */
  #readWholeFrame(chunk: Buffer, start: number, end: number): void {
    switch (this.#opcode) {
      case opcodes.text: {
        const isAscii = unmaskAscii(chunk, start, end, this.#mask)
        if (isAscii) this.#sink.onText(chunk.toString('latin1', start, end), end - start)
        else if (isUtf8(chunk.subarray(start, end)))
          this.#sink.onText(decodeText(chunk.subarray(start, end)), end - start)
        else this.#fail(closeCodes.invalidPayload, 'text that is not UTF-8')
        return
      }
      case opcodes.binary: {
        unmask(chunk, start, end, this.#mask, 0)
        const view = chunk.subarray(start, end)
        this.#sink.onBinary(view.length >= VIEW_FROM_BYTES ? view : Buffer.from(view))
        return
      }
      case compressedOpcodes.text:
      case compressedOpcodes.binary:
        unmask(chunk, start, end, this.#mask, 0)
        this.#compressedSink!.onCompressed(this.#opcode === compressedOpcodes.text, chunk.subarray(start, end))
        return
      default:
        unmask(chunk, start, end, this.#mask, 0)
        this.#endOfControl(Buffer.from(chunk.subarray(start, end)))
    }
  }

  /** A payload across two chunks, or one fragment of a message. */
  #readPayload(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#payloadLength - this.#payloadRead)
    unmask(chunk, start, end, this.#mask, this.#payloadRead)
    const piece = chunk.subarray(start, end)
    if (this.#control !== undefined) this.#control.set(piece, this.#payloadRead)
    else if (!this.#message!.append(piece, this.#wholeLength())) {
      this.#fail(closeCodes.invalidPayload, 'text that is not UTF-8')
      return chunk.length
    }
    this.#payloadRead += piece.length
    if (this.#payloadRead === this.#payloadLength) this.#finishPayload()
    return end
  }

  /** The length of the message, known from its last frame on. */
  #wholeLength(): number {
    return this.#fin ? this.#message!.byteLength + this.#payloadLength - this.#payloadRead : Infinity
  }

  #finishPayload(): void {
    this.#state = 'header'
    const control = this.#control
    if (control !== undefined) {
      this.#control = undefined
      this.#endOfControl(control)
      return
    }
    if (!this.#fin) return
    const message = this.#message!
    this.#message = undefined
    if (message instanceof CompressedAssembler)
      this.#compressedSink!.onCompressed(message.isCompressedText, message.bytes())
    else if (!message.isText) this.#sink.onBinary(message.bytes())
    else if (message.isCompleteText) this.#sink.onText(message.text(), message.byteLength)
    else this.#fail(closeCodes.invalidPayload, 'text that ends inside a character')
  }

  #endOfControl(payload: Buffer): void {
    switch (this.#opcode) {
      case opcodes.ping:
        this.#sink.onPing(payload)
        return
      case opcodes.pong:
        this.#sink.onPong(payload)
        return
      default:
        this.#closeFrame(payload)
    }
  }

  /** RFC 6455 §5.5.1 and §7.4. Nothing may follow a close frame. */
  #closeFrame(payload: Buffer): void {
    if (payload.length === 1) {
      this.#fail(closeCodes.protocolError, 'close frame with half a code')
      return
    }
    const code = payload.length === 0 ? closeCodes.noStatus : payload.readUInt16BE(0)
    const reason = payload.subarray(2)
    if (payload.length > 0 && !isValidCloseCode(code)) this.#fail(closeCodes.protocolError, `close code ${code}`)
    else if (!isUtf8(reason)) this.#fail(closeCodes.invalidPayload, 'close reason that is not UTF-8')
    else {
      this.end()
      this.#sink.onCloseFrame(code, reason.toString())
    }
  }

  #fail(code: number, message: string): false {
    this.end()
    this.#sink.onProtocolError(code, message)
    return false
  }
}

/** The length of the header that starts here, or `undefined` if its first two bytes are missing. */
function headerLength(bytes: Uint8Array, start: number, available: number = bytes.length - start): number | undefined {
  if (available < 2) return undefined
  const length = bytes[start + 1]! & 0x7f
  const masked = bytes[start + 1]! >= 0x80 ? 4 : 0
  if (length < 126) return 2 + masked
  return (length === 126 ? 4 : 10) + masked
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

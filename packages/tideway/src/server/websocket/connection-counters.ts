import type { RefusalReason } from '../handshake/refusal-reason.ts'
import { opcodes, type Frame } from './frame.ts'

/** Counts of handshakes, connections and messages, since the server was made. */
export class ConnectionCounters {
  handshakes = 0
  accepted = 0
  readonly refused: Record<RefusalReason, number> = {
    tooManyConnections: 0,
    tooManyOfAddress: 0,
    tooManyHeaders: 0,
    badHandshake: 0,
    foreignOrigin: 0,
    shuttingDown: 0,
    byApplication: 0,
    applicationFailed: 0,
    applicationTimeout: 0,
    abandoned: 0,
  }
  /** By close code. */
  readonly closed: Map<number, number> = new Map<number, number>()

  // Plain numbers of one object that all connections share: each count costs one addition.
  textsReceived = 0
  textBytesReceived = 0
  binariesReceived = 0
  binaryBytesReceived = 0
  textsSent = 0
  textBytesSent = 0
  binariesSent = 0
  binaryBytesSent = 0
  wireBytesReceived = 0
  wireBytesSent = 0

  pingsReceived = 0
  pingsSent = 0
  pongsReceived = 0
  pingTimeouts = 0

  slowClosed = 0
  messagesDropped = 0
  /** Events that applications sent on WebSockets that had ended. */
  webSocketSendsAfterEnd = 0

  /** Counts a message from a client by the bytes of its payload. */
  received(isText: boolean, byteLength: number): void {
    if (isText) {
      this.textsReceived++
      this.textBytesReceived += byteLength
    } else {
      this.binariesReceived++
      this.binaryBytesReceived += byteLength
    }
  }

  /** Counts a message to a client by its frame. */
  sent(frame: Frame): void {
    const byteLength = frame.length - headerLengthOf(frame.length)
    if ((frame.firstByte & OPCODE_BITS) === opcodes.text) {
      this.textsSent++
      this.textBytesSent += byteLength
    } else {
      this.binariesSent++
      this.binaryBytesSent += byteLength
    }
  }

  /** Counts the end of an accepted connection. */
  countClosed(code: number): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1)
  }
}

const OPCODE_BITS = 0x0f

/** A server's header, by the length of its whole frame: 2 bytes up to a payload of 125, 4 up to one of 65,535, else 10. */
function headerLengthOf(frameLength: number): number {
  if (frameLength < 2 + 126) return 2
  return frameLength < 4 + 65_536 ? 4 : 10
}

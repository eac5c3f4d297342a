import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { BodyPiece, LongBody } from '../../asgi/long-response.ts'
import { hiddenField } from '../../errors/hidden-field.ts'
import { connectionClosedError } from '../../errors/connection-closed.ts'
import { untilDrained } from '../transport/until-drained.ts'
import { Frame } from '../websocket/frame.ts'
import type { FrameNode } from '../websocket/frame-tree.ts'
import type { Outbox, OutboxClient } from '../websocket/outbox.ts'

/** The bytes of one tick from which they are written at once, so that the caller learns whether the client is slow. */
const LONGEST_TICK_BYTES = 64 * 1024

const CRLF = '\r\n'

/** The pieces as chunks of HTTP/1.1 (RFC 9112 §7.1). */
const chunks = hiddenField<BodyPiece, Frame>()
let lastPiece: BodyPiece | undefined
let lastChunk: Frame | undefined

/** The pieces as they are, which Node frames. */
const wholes = hiddenField<BodyPiece, Frame>()

/**
 * Writes the body of a long response at the end of the tick, together with the WebSockets of the server: a piece for many responses is
 * framed once, and the pieces of a tick are one write. Node's `write()` writes four parts for each piece: 10 µs instead of 6.
 */
export class BodyWriter implements LongBody, OutboxClient {
  pending: FrameNode | undefined
  readonly #response: ServerResponse
  readonly #outbox: Outbox
  /** Resolves when the client has read enough. */
  #slow: Promise<void> | undefined
  /** Gets whole chunks. `undefined` if Node frames the body: over HTTP/2, and to a client of HTTP/1.0. */
  #socket: Socket | undefined
  #isStarted = false

  constructor(response: ServerResponse, outbox: Outbox) {
    this.#response = response
    this.#outbox = outbox
  }

  write(piece: BodyPiece): void | Promise<void> {
    if (this.#response.destroyed || this.#response.writableEnded) throw connectionClosedError()
    if (!this.#isStarted) this.#start()
    this.#outbox.enqueue(this, this.#socket === undefined ? wholeOf(piece) : chunkOf(piece))
    const { pending } = this as { readonly pending: FrameNode | undefined }
    if (pending !== undefined && pending.byteLength >= LONGEST_TICK_BYTES) this.#outbox.flushNow(this)
    return this.#slow
  }

  end(): void {
    this.#outbox.flushNow(this)
  }

  flush(bytes: Buffer): void {
    const stream = this.#socket ?? this.#response
    if (stream.destroyed || this.#response.writableEnded || stream.write(bytes)) return
    this.#slow ??= untilDrained(stream).then(() => (this.#slow = undefined))
  }

  /** Decides when the head of the response is written. */
  #start(): void {
    const { socket, chunkedEncoding } = this.#response
    this.#isStarted = true
    if (chunkedEncoding && socket instanceof Socket) this.#socket = socket
  }
}

function chunkOf(piece: BodyPiece): Frame {
  // Most pieces go to all responses, one after the other.
  if (piece === lastPiece) return lastChunk!
  let chunk = chunks.get(piece)
  if (chunk === undefined) {
    const size = Buffer.from(piece.bytes.byteLength.toString(16) + CRLF)
    chunk = new Frame(Buffer.concat([size, piece.bytes, Buffer.from(CRLF)]))
    chunks.set(piece, chunk)
  }
  lastPiece = piece
  lastChunk = chunk
  return chunk
}

function wholeOf(piece: BodyPiece): Frame {
  let whole = wholes.get(piece)
  if (whole === undefined) wholes.set(piece, (whole = new Frame(piece.bytes)))
  return whole
}

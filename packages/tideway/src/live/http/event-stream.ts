import { entriesOf, type HeadersInit } from '../../asgi/headers.ts'
import type { BodyPiece, LongBody } from '../../asgi/long-response.ts'
import { isSharedSend } from '../../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { hiddenField } from '../../errors/hidden-field.ts'
import type { HttpResponse } from './http-response.ts'
import type { ConnectionAnswer } from './http-connection.ts'

/** Makes a proxy that buffers a part of a response send what follows. */
const padding = Buffer.from(`:${' '.repeat(2046)}\n\n`)
const comment: BodyPiece = { bytes: Buffer.from(':\n\n') }

/** The pieces of shared events: one for all streams of the process. */
const pieces = hiddenField<WebSocketMessageSendEvent, BodyPiece>()
let lastEvent: WebSocketMessageSendEvent | undefined
let lastPiece: BodyPiece | undefined

/** A stream of events (`text/event-stream`, WHATWG HTML §9.2): a frame is the data of one event. */
export class EventStream implements ConnectionAnswer {
  readonly canMove = true
  readonly #response: HttpResponse
  readonly #body: LongBody
  readonly #commentIntervalMs: number
  #timer: NodeJS.Timeout | undefined

  /** @param body writes the frames; by default the response does */
  constructor(response: HttpResponse, body: LongBody | undefined, commentIntervalMs: number) {
    this.#response = response
    this.#body = body ?? response
    this.#commentIntervalMs = commentIntervalMs
  }

  accept(headers: HeadersInit): void {
    const own = [
      ['Content-Type', 'text/event-stream'],
      // nginx buffers responses by default.
      ['X-Accel-Buffering', 'no'],
    ] as const
    this.#response.start(200, [...own, ...entriesOf(headers)])
    void this.#response.write({ bytes: padding })
    this.#timer = setInterval(() => this.#comment(), this.#commentIntervalMs).unref()
  }

  send(event: WebSocketMessageSendEvent & { readonly text: string }): void | Promise<void> {
    return this.#body.write(pieceOf(event))
  }

  close(code: number, reason: string): void {
    this.stop()
    this.#body.end()
    this.#response.end(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`)
  }

  deny(status: number, headers: HeadersInit, body: string | Uint8Array): void {
    this.#response.answer(status, headers, body)
  }

  shutDown(code: number, reason: string): void {
    this.close(code, reason)
  }

  /** Sends no more comments. */
  stop(): void {
    clearInterval(this.#timer)
  }

  #comment(): void {
    try {
      void this.#body.write(comment)
    } catch {
      // The client has disconnected, which the application is about to receive.
      this.stop()
    }
  }
}

function pieceOf(event: WebSocketMessageSendEvent & { readonly text: string }): BodyPiece {
  // Most events go to all streams, one after the other.
  if (event === lastEvent) return lastPiece!
  let piece = pieces.get(event)
  if (piece === undefined) {
    piece = { bytes: Buffer.from(`data: ${linesOf(event.text)}\n\n`) }
    if (!isSharedSend(event)) return piece
    pieces.set(event, piece)
  }
  lastEvent = event
  lastPiece = piece
  return piece
}

/** Another program may have appended JSON with line breaks between its tokens. */
function linesOf(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/\r\n|\r|\n/g, '\ndata: ') : text
}

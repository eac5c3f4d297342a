import type { SendOf } from '../../asgi/application.ts'
import { entriesOf, type HeadersInit } from '../../asgi/headers.ts'
import type { HttpSendEvent } from '../../asgi/http-events.ts'
import type { BodyPiece, LongBody } from '../../asgi/long-response.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { isConnectionClosed } from '../../errors/connection-closed.ts'

/** The `send` of an HTTP application. */
export type HttpSend = SendOf<HttpScope>

/** A request that is answered without the application. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly status: number
  readonly headers: HeadersInit

  constructor(status: number, message: string, headers: HeadersInit = []) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** One HTTP response, with the headers that each response to this client has. */
export class HttpResponse implements LongBody {
  readonly #send: HttpSend
  readonly #common: readonly (readonly [string, string])[]
  #isStarted = false
  #isEnded = false

  /** @param common `Cache-Control` is one of the headers of each response already */
  constructor(send: HttpSend, common: readonly (readonly [string, string])[]) {
    this.#send = send
    this.#common = common
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  start(status: number, headers: HeadersInit): void {
    this.#isStarted = true
    const all = [['Cache-Control', 'no-store, no-transform'], ...this.#common, ...entriesOf(headers)] as const
    this.#try({ type: 'http.response.start', status, headers: all })
  }

  write({ bytes }: BodyPiece): void | Promise<void> {
    return this.#send({ type: 'http.response.body', body: bytes, moreBody: true })
  }

  end(body: string | Uint8Array = ''): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#try({ type: 'http.response.body', body })
  }

  /** A whole response. Has no effect after the start of another one. */
  answer(status: number, headers: HeadersInit, body: string | Uint8Array = ''): void {
    if (this.#isStarted) return
    this.start(status, headers)
    this.end(body)
  }

  text(status: number, text: string, headers: HeadersInit = []): void {
    this.answer(status, [['Content-Type', 'text/plain; charset=utf-8'], ...entriesOf(headers)], text)
  }

  /** A client that has disconnected needs no answer. Its connection is about to receive the disconnect: a timer must not throw before. */
  #try(event: HttpSendEvent): void {
    const ignore = (error: unknown): void => {
      if (!isConnectionClosed(error)) throw error
    }
    try {
      const sent = this.#send(event)
      if (sent instanceof Promise) sent.catch(ignore)
    } catch (error) {
      ignore(error)
    }
  }
}

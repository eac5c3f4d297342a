import { entriesOf, type HeadersInit } from '../../asgi/headers.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { answerClosed } from './closed-answer.ts'
import type { HttpResponse } from './http-response.ts'
import type { ConnectionAnswer } from './http-connection.ts'

/** The answers to a body of requests as a JSON array, when all of them have ended. */
export class RequestAnswers implements ConnectionAnswer {
  readonly canMove = false
  readonly #response: HttpResponse
  readonly #onAnswered: () => void
  readonly #answers: string[] = []
  #headers: HeadersInit = []

  /** @param onAnswered ends the connection */
  constructor(response: HttpResponse, onAnswered: () => void) {
    this.#response = response
    this.#onAnswered = onAnswered
  }

  accept(headers: HeadersInit): void {
    this.#headers = headers
  }

  send({ text }: WebSocketMessageSendEvent & { readonly text: string }): void {
    if (text.startsWith('{"t":"answer"')) this.#answers.push(text)
    // The connection answers the ping after the requests.
    else if (text.startsWith('{"t":"pong"')) this.#finish()
  }

  /** A client repeats the requests without an answer. */
  close(code: number, reason: string): void {
    if (this.#answers.length > 0) this.#answer()
    else answerClosed(this.#response, code, reason)
  }

  deny(status: number, headers: HeadersInit, body: string | Uint8Array): void {
    this.#response.answer(status, headers, body)
  }

  shutDown(code: number, reason: string): void {
    this.close(code, reason)
  }

  stop(): void {}

  #finish(): void {
    this.#answer()
    this.#onAnswered()
  }

  #answer(): void {
    const headers = [['Content-Type', 'application/json'], ...entriesOf(this.#headers)] as const
    this.#response.answer(200, headers, `[${this.#answers.join(',')}]`)
  }
}

import type { Application, Receive } from '../../asgi/application.ts'
import { closeCodes } from '../../asgi/close-codes.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import type { LongResponse } from '../../asgi/long-response.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'
import type { LiveBody } from './live-body.ts'
import { LIVE_EXTENSION, type OverHttp } from './over-http.ts'
import { VirtualSocket, type SocketSink } from './virtual-socket.ts'

/** The response of a connection over HTTP. */
export interface ConnectionAnswer extends SocketSink {
  /** Whether its client moves to another process when it gets a `move`. */
  readonly canMove: boolean
  /** Ends the response for the server. */
  shutDown(code: number, reason: string): void
  /** The connection has ended. */
  stop(): void
}

/** The connection of one HTTP request to a live consumer: runs the WebSocket application on it. */
export class HttpConnection implements LongResponse {
  readonly #overHttp: OverHttp
  readonly #answer: ConnectionAnswer
  readonly #socket: VirtualSocket
  #onDrain: ((withinMs: number) => void) | undefined

  /** @param answerFor makes the response. It calls `end` after a whole answer */
  constructor({ messages }: LiveBody, overHttp: OverHttp, answerFor: (end: () => void) => ConnectionAnswer) {
    this.#overHttp = overHttp
    this.#answer = answerFor(() => this.#socket.end(closeCodes.normal))
    this.#socket = new VirtualSocket(this.#answer, messages)
  }

  get canMove(): boolean {
    return this.#answer.canMove && this.#socket.isOpen && this.#onDrain !== undefined
  }

  announceDrain(withinMs: number): void {
    if (this.canMove) this.#onDrain!(withinMs)
  }

  shutDown(code: number, reason: string): void {
    if (this.#socket.isOpen) this.#answer.shutDown(code, reason)
    this.#socket.end(code, reason)
  }

  /** Resolves when the application has ended. */
  async run(
    application: Application<WebSocketScope>,
    scope: WebSocketScope,
    receive: Receive<HttpReceiveEvent>,
  ): Promise<void> {
    const socket = this.#socket
    void this.#endWith(receive)
    try {
      await application(
        {
          ...scope,
          extensions: { ...scope.extensions, [LIVE_EXTENSION]: this.#overHttp },
          onEnd: (listener) => socket.onEnd(listener),
          onDrain: (listener) => (this.#onDrain = listener),
        },
        socket.receive,
        socket.send,
      )
      if (socket.isOpen) this.#answer.close(closeCodes.normal, '')
    } catch (error) {
      if (socket.isOpen) this.#answer.close(closeCodes.internalError, '')
      throw error
    } finally {
      this.#answer.stop()
      socket.end(closeCodes.abnormal)
    }
  }

  /** Ends the connection when the client disconnects. */
  async #endWith(receive: Receive<HttpReceiveEvent>): Promise<void> {
    for (;;) if ((await receive()).type === 'http.disconnect') break
    this.#answer.stop()
    this.#socket.end(closeCodes.abnormal)
  }
}

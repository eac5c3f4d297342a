import { closeCodes } from '../../asgi/close-codes.ts'
import { setDirectSender, type DirectSender } from '../../asgi/direct-sender.ts'
import type { HeadersInit } from '../../asgi/headers.ts'
import { isProduction } from '../../asgi/is-production.ts'
import type {
  WebSocketDisconnectEvent,
  WebSocketMessageSendEvent,
  WebSocketReceiveEvent,
  WebSocketSendEvent,
} from '../../asgi/websocket-events.ts'
import { malformedMessage, nextWebSocketState, type WebSocketState } from '../../asgi/websocket-turns.ts'

/** The HTTP response of a virtual WebSocket. */
export interface SocketSink {
  /** The application has accepted. */
  accept(headers: HeadersInit): void
  /** Sends a message. Returns a promise while the client reads too slowly. */
  send(event: WebSocketMessageSendEvent & { readonly text: string }): void | Promise<void>
  /** The application has closed the connection. */
  close(code: number, reason: string): void
  /** The application has refused the connection. */
  deny(status: number, headers: HeadersInit, body: string | Uint8Array): void
}

/** A WebSocket for the application without a socket: its messages come from the body of an HTTP request. */
export class VirtualSocket implements DirectSender {
  readonly #sink: SocketSink
  readonly #received: WebSocketReceiveEvent[] = [{ type: 'websocket.connect' }]
  #resolve: ((event: WebSocketReceiveEvent) => void) | undefined
  #state: WebSocketState = 'connecting'
  #denial: { readonly status: number; readonly headers: HeadersInit; readonly body: Buffer[] } | undefined
  #disconnect: WebSocketDisconnectEvent | undefined
  #onEnd: ((event: WebSocketDisconnectEvent) => void) | undefined

  constructor(sink: SocketSink, messages: readonly string[]) {
    this.#sink = sink
    for (const text of messages) this.#received.push({ type: 'websocket.receive', text })
    setDirectSender(this.send, this)
  }

  get state(): WebSocketState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  readonly receive = (): WebSocketReceiveEvent | Promise<WebSocketReceiveEvent> => {
    const next = this.#received.shift() ?? this.#disconnect
    return next ?? new Promise((resolve) => (this.#resolve = resolve))
  }

  readonly send = (event: WebSocketSendEvent): void | Promise<void> => {
    const next = nextWebSocketState(this.#state, event)
    if (typeof next !== 'string') throw next
    const before = this.#state
    this.#state = next
    switch (event.type) {
      case 'websocket.send':
        return this.sendMessage(event)
      case 'websocket.accept':
        return this.#sink.accept(event.headers ?? [])
      case 'websocket.close':
        return this.#close(before, event.code ?? closeCodes.normal, event.reason ?? '')
      case 'websocket.http.response.start':
        this.#denial = { status: event.status, headers: event.headers ?? [], body: [] }
        return undefined
      case 'websocket.http.response.body':
        return this.#denialBody(event.body ?? '', event.moreBody ?? false)
    }
  }

  sendMessage(event: WebSocketMessageSendEvent): void | Promise<void> {
    if (typeof event.text !== 'string') throw malformedMessage()
    return this.#sink.send(event)
  }

  onEnd(listener: (event: WebSocketDisconnectEvent) => void): void {
    if (this.#disconnect === undefined) this.#onEnd = listener
    else listener(this.#disconnect)
  }

  /** The connection has ended: the application receives the disconnect after its messages. */
  end(code: number, reason = ''): void {
    if (this.#disconnect !== undefined) return
    this.#state = 'ended'
    this.#disconnect = { type: 'websocket.disconnect', code, reason }
    this.#onEnd?.(this.#disconnect)
    this.#resolve?.(this.#disconnect)
    this.#resolve = undefined
  }

  #close(before: WebSocketState, code: number, reason: string): void {
    if (before === 'connecting') {
      this.#sink.deny(403, [], isProduction() || reason === '' ? 'Forbidden' : reason)
      this.end(closeCodes.abnormal)
    } else if (before === 'open') {
      this.#sink.close(code, reason)
      this.end(code, reason)
    }
  }

  #denialBody(body: string | Uint8Array, moreBody: boolean): void {
    const denial = this.#denial!
    denial.body.push(Buffer.from(body as string))
    if (moreBody) return
    this.#sink.deny(denial.status, denial.headers, Buffer.concat(denial.body))
    this.end(closeCodes.abnormal)
  }
}

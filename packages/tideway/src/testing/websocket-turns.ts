import type { WebSocketMessageSendEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { connectionClosedError } from '../errors/connection-closed.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { outOfTurn } from '../server/handshake/application-errors.ts'
import { requireClose } from '../server/websocket/require-close.ts'
import { acceptFields, denialFields } from '../server/handshake/handshake-answers.ts'

/**
 * The events that the application may send next:
 * - `connecting`: accept, close (403) or the start of a denial response.
 * - `denying`: the body of the denial response.
 * - `open`: messages, and one close.
 * - `ended`: none.
 */
export type WebSocketState = 'connecting' | 'denying' | 'open' | 'ended'

/** Rejects the events that the server rejects, so that an application that passes its tests also works behind the server. */
export class WebSocketTurns {
  readonly #subprotocols: readonly string[]
  #state: WebSocketState = 'connecting'

  /** @param subprotocols the subprotocols that the client has offered */
  constructor(subprotocols: readonly string[]) {
    this.#subprotocols = subprotocols
  }

  get state(): WebSocketState {
    return this.#state
  }

  /** The connection has ended from the client's side. */
  end(): void {
    this.#state = 'ended'
  }

  /** Advances the state by an event of the application. Returns `false` if the event is dropped. Throws if it is out of turn. */
  take(event: WebSocketSendEvent): boolean {
    if (this.#state === 'ended') {
      // The client may have closed the connection at the same time.
      if (event.type === 'websocket.close') return false
      throw connectionClosedError()
    }
    this.#state = this.#next(event)
    return true
  }

  #next(event: WebSocketSendEvent): WebSocketState {
    const { type } = event
    switch (type) {
      case 'websocket.accept':
        if (this.#state !== 'connecting') throw outOfTurn(type, 'the handshake has been answered')
        acceptFields({ subprotocols: this.#subprotocols }, event.subprotocol, event.headers ?? [])
        return 'open'
      case 'websocket.send':
        if (this.#state === 'denying') throw outOfTurn(type, 'a denial response has been started')
        if (this.#state !== 'open') {
          throw new TidewayError('ERR_OUT_OF_TURN', 'Call accept() before send(): the handshake is not complete.')
        }
        requireMessage(event)
        return 'open'
      case 'websocket.close':
        if (this.#state === 'denying') throw outOfTurn(type, 'a denial response has been started')
        requireClose(event, this.#state !== 'connecting')
        return 'ended'
      case 'websocket.http.response.start':
        if (this.#state !== 'connecting') throw outOfTurn(type, 'the handshake has been answered')
        denialFields(event.status, event.headers ?? [])
        return 'denying'
      case 'websocket.http.response.body':
        if (this.#state !== 'denying') throw outOfTurn(type, 'websocket.http.response.start comes first')
        return event.moreBody === true ? 'denying' : 'ended'
      default:
        throw new TidewayError('ERR_BAD_EVENT', `Unknown event "${String(type)}".`)
    }
  }
}

function requireMessage({ text, bytes }: WebSocketMessageSendEvent): void {
  // Both names may be present, one of them as null (ASGI).
  const [content, ...more] = [text, bytes].filter((value: unknown) => value !== undefined && value !== null)
  if ((typeof content === 'string' || content instanceof Uint8Array) && more.length === 0) return
  throw new TidewayError('ERR_BAD_EVENT', 'websocket.send needs a string as text or a Uint8Array as bytes, not both.')
}

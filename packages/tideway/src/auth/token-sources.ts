import type { Send } from '../asgi/application.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import type { ClientScope } from './define-middleware.ts'

/** A place of the token in a request. */
export type TokenSource = 'header' | 'subprotocol'

/** The name in `Sec-WebSocket-Protocol` before the token. */
export const bearerProtocol = 'bearer'

/**
 * Returns the token of an `Authorization: Bearer …` header (RFC 6750 §2.1). Browsers cannot set this header for a WebSocket; other
 * clients can.
 */
export function tokenOfHeader(scope: ClientScope): string | undefined {
  const header = scope.headers.get('authorization')
  const match = header === undefined ? null : /^bearer +(\S+) *$/i.exec(header)
  return match?.[1]
}

/**
 * Returns the token after `bearer` in the list of subprotocols: `new WebSocket(url, ['bearer', token])`. It is the only header of a
 * handshake that a page can set. Unlike a URL, it is in no history and in few logs.
 */
export function tokenOfSubprotocol(scope: ClientScope): string | undefined {
  if (scope.type !== 'websocket') return undefined
  const at = scope.subprotocols.indexOf(bearerProtocol)
  return at === -1 ? undefined : scope.subprotocols[at + 1]
}

/** Returns the subprotocols without `bearer` and the token. */
export function subprotocolsWithoutToken(subprotocols: readonly string[]): readonly string[] {
  const at = subprotocols.indexOf(bearerProtocol)
  return at === -1 ? subprotocols : [...subprotocols.slice(0, at), ...subprotocols.slice(at + 2)]
}

/** Returns the one-time ticket in the query parameter with this name. */
export function ticketOfQuery(scope: ClientScope, name: string): string | undefined {
  if (scope.queryString === '') return undefined
  return new URLSearchParams(scope.queryString).get(name) ?? undefined
}

/** Returns the token of the first source that has one. */
export function presentedToken(scope: ClientScope, sources: readonly TokenSource[]): string | undefined {
  for (const source of sources) {
    const token = source === 'header' ? tokenOfHeader(scope) : tokenOfSubprotocol(scope)
    if (token !== undefined) return token
  }
  return undefined
}

/**
 * Returns a `send` that chooses `bearer` if the application chooses no subprotocol: a browser that offered subprotocols fails a
 * connection that chooses none (WHATWG WebSockets).
 */
export function answerBearer(
  offered: readonly string[],
  send: Send<HttpSendEvent | WebSocketSendEvent>,
): Send<HttpSendEvent | WebSocketSendEvent> {
  if (!offered.includes(bearerProtocol)) return send
  return (event) =>
    event.type === 'websocket.accept' && event.subprotocol === undefined
      ? send({ ...event, subprotocol: bearerProtocol })
      : send(event)
}

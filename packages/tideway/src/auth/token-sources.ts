import type { Send } from '../asgi/application.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import type { ClientScope } from './define-middleware.ts'

/** Where a client may show its token. */
export type TokenSource = 'header' | 'subprotocol'

/** The name in `Sec-WebSocket-Protocol` that the next entry is a token after. */
export const bearerProtocol = 'bearer'

/**
 * The token of an `Authorization: Bearer …` header (RFC 6750 §2.1): for clients that can set headers, which browsers cannot for a
 * WebSocket.
 */
export function tokenOfHeader(scope: ClientScope): string | undefined {
  const header = scope.headers.get('authorization')
  const match = header === undefined ? null : /^bearer +(\S+) *$/i.exec(header)
  return match?.[1]
}

/**
 * The token that follows `bearer` in the list of subprotocols, `new WebSocket(url, ['bearer', token])`: the one header that a
 * browser lets a page set. Unlike a URL it is in no history and in few logs.
 */
export function tokenOfSubprotocol(scope: ClientScope): string | undefined {
  if (scope.type !== 'websocket') return undefined
  const at = scope.subprotocols.indexOf(bearerProtocol)
  return at === -1 ? undefined : scope.subprotocols[at + 1]
}

/** The subprotocols that are none of the token's. */
export function subprotocolsWithoutToken(subprotocols: readonly string[]): readonly string[] {
  const at = subprotocols.indexOf(bearerProtocol)
  return at === -1 ? subprotocols : [...subprotocols.slice(0, at), ...subprotocols.slice(at + 2)]
}

/** The one-time ticket in the query of the URL, under this name. */
export function ticketOfQuery(scope: ClientScope, name: string): string | undefined {
  if (scope.queryString === '') return undefined
  return new URLSearchParams(scope.queryString).get(name) ?? undefined
}

/** The token in the first of the sources that has one. */
export function presentedToken(scope: ClientScope, sources: readonly TokenSource[]): string | undefined {
  for (const source of sources) {
    const token = source === 'header' ? tokenOfHeader(scope) : tokenOfSubprotocol(scope)
    if (token !== undefined) return token
  }
  return undefined
}

/**
 * A browser that offered subprotocols fails a connection that chooses none (WHATWG WebSockets): so `bearer` is chosen for an
 * application that chose none itself.
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

import type { WebSocketScope } from '../../asgi/scope.ts'

/**
 * How a client reaches a live consumer: by WebSocket, by a stream of events, by a poll, or by a body of requests, which has no joins.
 */
export type LiveTransport = 'websocket' | 'stream' | 'poll' | 'requests'

/** The key of the transport in the `extensions` of a WebSocket scope; absent for a WebSocket. */
export const LIVE_EXTENSION = 'tideway.live'

/** The transport of a connection. */
export function transportOf({ extensions }: Pick<WebSocketScope, 'extensions'>): LiveTransport {
  const extension = extensions?.[LIVE_EXTENSION] as { readonly transport: LiveTransport } | undefined
  return extension?.transport ?? 'websocket'
}

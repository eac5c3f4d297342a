import type { Duplex } from 'node:stream'
import type { WebSocketDisconnectEvent } from '../../asgi/websocket-events.ts'
import type { Handshake } from '../handshake/handshake-result.ts'

/** What a connection keeps until its handshake is accepted. */
export interface Opening {
  readonly socket: Duplex
  readonly handshake: Handshake
  denialHasBody: boolean
}

/** What a connection keeps from its end on. */
export interface ConnectionEnd {
  /** Milliseconds of `wholeMilliseconds()`. */
  readonly at: number
  readonly event: WebSocketDisconnectEvent
}

import type { HeadersInit } from './headers.ts'

/** A client requests a connection. The application answers with an accept, a close (403) or a denial response. */
export interface WebSocketConnectEvent {
  readonly type: 'websocket.connect'
}

/** A message from the client: exactly one of `text` and `bytes` is set. */
export type WebSocketMessageEvent =
  | { readonly type: 'websocket.receive'; readonly text: string; readonly bytes?: undefined }
  | { readonly type: 'websocket.receive'; readonly bytes: Uint8Array; readonly text?: undefined }

/** The connection has ended, for any reason. Always the last event. */
export interface WebSocketDisconnectEvent {
  readonly type: 'websocket.disconnect'
  /** The close code of RFC 6455 §7.4; 1005 if the peer sent none, 1006 if the connection was lost. */
  readonly code: number
  readonly reason: string
}

/** The events that a WebSocket application receives. */
export type WebSocketReceiveEvent = WebSocketConnectEvent | WebSocketMessageEvent | WebSocketDisconnectEvent

/** Completes the handshake. */
export interface WebSocketAcceptEvent {
  readonly type: 'websocket.accept'
  /** One of `scope.subprotocols`. @default none */
  readonly subprotocol?: string | undefined
  /** Headers of the handshake response; must not contain `Sec-WebSocket-Protocol`. */
  readonly headers?: HeadersInit | undefined
}

/** A message to the client: exactly one of `text` and `bytes` is set. */
export type WebSocketMessageSendEvent =
  | { readonly type: 'websocket.send'; readonly text: string; readonly bytes?: undefined }
  | { readonly type: 'websocket.send'; readonly bytes: Uint8Array; readonly text?: undefined }

/** Closes the connection; before the accept, rejects the handshake with 403. */
export interface WebSocketCloseEvent {
  readonly type: 'websocket.close'
  /** @default 1000 */
  readonly code?: number | undefined
  /**
   * At most 123 bytes of UTF-8 (RFC 6455 §5.5). Before the accept it may be longer: it is written to the access log, and outside
   * production (`NODE_ENV`) it is the body of the 403.
   * @default ""
   */
  readonly reason?: string | undefined
}

/** Rejects the handshake with a response of the application (the `websocket.http.response` extension). */
export interface WebSocketDenialStartEvent {
  readonly type: 'websocket.http.response.start'
  readonly status: number
  readonly headers?: HeadersInit
}

/** A piece of the body of a denial response. */
export interface WebSocketDenialBodyEvent {
  readonly type: 'websocket.http.response.body'
  readonly body?: Uint8Array | string
  /** @default false */
  readonly moreBody?: boolean
}

/** The events that a WebSocket application may send. */
export type WebSocketSendEvent =
  | WebSocketAcceptEvent
  | WebSocketMessageSendEvent
  | WebSocketCloseEvent
  | WebSocketDenialStartEvent
  | WebSocketDenialBodyEvent

import type { HeaderList } from './headers.ts'
import type { Logger } from './logger.ts'
import type { WebSocketDisconnectEvent } from './websocket-events.ts'

/** The versions of the contract that the server implements. */
export interface AsgiVersions {
  /** Version of ASGI: always `"3.0"`. */
  readonly version: '3.0'
  /** Version of the HTTP and WebSocket message format: `"2.5"`. */
  readonly specVersion: string
}

/** The versions that this package implements (ASGI HTTP & WebSocket message format 2.5). */
export const asgiVersions: AsgiVersions = Object.freeze({ version: '3.0', specVersion: '2.5' })

/** One end of a connection. For a Unix socket `host` is its path and `port` is `undefined`. */
export interface Address {
  readonly host: string
  readonly port: number | undefined
}

/** The properties that every scope may have. */
export interface BaseScope {
  readonly asgi: AsgiVersions
  /** The application's shared state, filled at lifespan startup; a shallow copy for each connection. */
  readonly state?: Record<string, unknown>
  /** Features of the server beyond the base contract, by name. */
  readonly extensions?: Readonly<Record<string, unknown>>
  /** The logger of the server; tideway's own addition to ASGI. Absent outside a server. */
  readonly logger?: Logger
}

/** The common properties of HTTP requests and WebSocket handshakes. */
export interface ConnectionScope extends BaseScope {
  /** `"1.0"`, `"1.1"` or `"2"`. */
  readonly httpVersion: string
  readonly scheme: string
  /** Percent-decoded path, without the query. */
  readonly path: string
  /** The percent-encoded path of the request, without the query. */
  readonly rawPath: string
  /** The percent-encoded query, without the `?`; `""` if there is none. */
  readonly queryString: string
  /** The path prefix of the application; `path` includes it. */
  readonly rootPath: string
  /** The rest of the path after the match of a `urlRouter`; absent outside a router. */
  readonly pathRemaining?: string
  readonly headers: HeaderList
  /** The client's address in its canonical form; `undefined` if it is unknown. */
  readonly client: Address | undefined
  readonly server: Address | undefined
}

/** The scope of one HTTP request. */
export interface HttpScope extends ConnectionScope {
  readonly type: 'http'
  /** Upper case. */
  readonly method: string
}

/** The scope of one WebSocket connection. */
export interface WebSocketScope extends ConnectionScope {
  readonly type: 'websocket'
  /** The subprotocols that the client offers in `Sec-WebSocket-Protocol`, in its order of preference. */
  readonly subprotocols: readonly string[]
  /**
   * Calls the listener as soon as the connection ends, or at once if it has ended: before queued messages are received, while
   * the disconnect event follows them. One listener; tideway's own addition. Absent outside a server.
   */
  readonly onEnd?: ((listener: (event: WebSocketDisconnectEvent) => void) => void) | undefined
  /**
   * Calls the listener when the server begins to close, so that the client can open its next connection before this one ends. The
   * server closes the connection with 1012 `withinMs` milliseconds later. A connection without a listener is closed with 1012
   * directly. One listener; tideway's own addition. Absent outside a server.
   */
  readonly onDrain?: ((listener: (withinMs: number) => void) => void) | undefined
}

/** The scope of the application's startup and shutdown: one per process. */
export interface LifespanScope extends BaseScope {
  readonly type: 'lifespan'
  readonly state?: Record<string, unknown>
}

/** The scope of a worker's consumer: the messages of one named channel. */
export interface ChannelScope extends BaseScope {
  readonly type: 'channel'
  readonly channel: string
}

/** Any scope that an application can be called with. */
export type Scope = HttpScope | WebSocketScope | LifespanScope | ChannelScope

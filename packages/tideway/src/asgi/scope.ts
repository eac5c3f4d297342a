import type { HeaderList } from './headers.ts'
import type { Logger } from './logger.ts'
import type { WebSocketDisconnectEvent } from './websocket-events.ts'

/** The versions of the contract that the server speaks. */
export interface AsgiVersions {
  /** Version of ASGI: always `"3.0"`. */
  readonly version: '3.0'
  /** Version of the HTTP and WebSocket message format: `"2.5"`. */
  readonly specVersion: string
}

/** The versions that this package speaks (ASGI HTTP & WebSocket message format 2.5). */
export const asgiVersions: AsgiVersions = Object.freeze({ version: '3.0', specVersion: '2.5' })

/** One end of a connection. For a Unix socket `host` is its path and `port` is `undefined`. */
export interface Address {
  readonly host: string
  readonly port: number | undefined
}

/** What every scope may carry besides the connection itself. */
export interface BaseScope {
  readonly asgi: AsgiVersions
  /** The application's shared state, filled at lifespan start-up; a shallow copy for each connection. */
  readonly state?: Record<string, unknown>
  /** What the server offers beyond the base contract, by name. */
  readonly extensions?: Readonly<Record<string, unknown>>
  /** Where the server reports; tideway's own addition to ASGI. Absent outside a server. */
  readonly logger?: Logger
}

/** What HTTP requests and WebSocket handshakes have in common. */
export interface ConnectionScope extends BaseScope {
  /** `"1.0"`, `"1.1"` or `"2"`. */
  readonly httpVersion: string
  readonly scheme: string
  /** Percent-decoded path, without the query. */
  readonly path: string
  /** The path as it came on the wire, percent-encoded, without the query. */
  readonly rawPath: string
  /** What follows the `?`, percent-encoded; `""` without a query. */
  readonly queryString: string
  /** Where the application is mounted; `path` includes it. */
  readonly rootPath: string
  /** What a `urlRouter` left of the path for the application that it chose; absent before the first one. */
  readonly pathRemaining?: string
  readonly headers: HeaderList
  /** The client's address in its canonical form; `undefined` if it is not known. */
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
  /** What the client offered in `Sec-WebSocket-Protocol`, in its order of preference. */
  readonly subprotocols: readonly string[]
  /**
   * Calls the listener as soon as the connection has ended, or now if it has: ahead of the messages that still wait to be
   * received, which the disconnect event comes behind. One listener; tideway's own addition. Absent outside a server.
   */
  readonly onEnd?: ((listener: (event: WebSocketDisconnectEvent) => void) => void) | undefined
}

/** The scope of the application's own life: one a process. */
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

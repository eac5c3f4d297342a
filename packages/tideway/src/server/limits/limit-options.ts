import { getHeapStatistics } from 'node:v8'

/** The limits of one server, of one address and of one connection. */
export interface LimitOptions {
  /** The most TCP connections at once. Requests of connections above it get 503 with `Retry-After`. @default 100000 */
  readonly maxConnections?: number | false
  /**
   * The most connections of one IPv4 address, or of one IPv6 network of 64 bits, at once; above it the server answers 429. Behind
   * trusted proxies it counts the WebSockets of each client. Off by default: a whole office may share one address.
   * @default false
   */
  readonly maxConnectionsPerAddress?: number | false
  /**
   * The most bytes that the server keeps for all clients together: unsent bytes, messages that are not complete or not read by
   * the application, and HTTP bodies. Above it the server destroys the connections with the most bytes.
   * @default a quarter of the heap limit of V8
   */
  readonly maxBufferedBytesTotal?: number | false
  /** The most headers of a request or handshake; above it the server answers 431. @default 100 */
  readonly maxHeaders?: number
  /**
   * The most requests of one HTTP/1.1 connection that run at the same time. The server does not read the connection while
   * more requests wait.
   * @default 128
   */
  readonly maxPipelinedRequests?: number
  /**
   * The most requests of one connection: the response to the last one closes it, and over HTTP/2 no more streams are accepted.
   * @default 1000
   */
  readonly maxRequestsPerConnection?: number | false
  /**
   * How long a connection may make no progress while data or requests wait: no unsent byte is sent, or no request above
   * {@link maxPipelinedRequests} starts. Then the server destroys the connection or the HTTP/2 stream.
   * @default 60000
   */
  readonly sendTimeoutMs?: number
  /** How many messages per second a client may send on average; above it the server closes with 1008. @default false */
  readonly maxMessagesPerSecond?: number | false
  /**
   * How many bytes per second a client may send on average, including frame headers and control frames; above it the server closes
   * with 1008.
   * @default false
   */
  readonly maxBytesPerSecond?: number | false
  /** The burst of both rates: a quiet client may send the messages and bytes of this many seconds at once. @default 5 */
  readonly rateBurstSeconds?: number
  /** How long a WebSocket may be open without a message of its client, before the server closes it with 1000. @default false */
  readonly idleTimeoutMs?: number | false
  /** How long a WebSocket may be open, before the server closes it with 1000. @default 86400000, a day */
  readonly maxAgeMs?: number | false
}

/** The limits of requests to a server of `serve()`: Node's own limits, under the names of the other options. */
export interface RequestLimitOptions {
  /** The most bytes of all headers of a request; above it the server answers 431. @default 16384 */
  readonly maxHeaderBytes?: number
  /** How long a client may take to send the headers of a request or handshake, before the server answers 408. @default 10000 */
  readonly headersTimeoutMs?: number
  /** How long a client may take to send a whole request, before the server answers 408. @default 300000 */
  readonly requestTimeoutMs?: number
  /** How long a connection may wait for its next request. @default 5000 */
  readonly keepAliveTimeoutMs?: number
  /** How long a client may take to complete its TLS handshake, before the server destroys the connection. @default 10000 */
  readonly tlsHandshakeTimeoutMs?: number
  /** The most requests and WebSockets at once on an HTTP/2 connection; the client delays further ones. @default 100 */
  readonly http2MaxStreams?: number
}

/** The defaults of {@link LimitOptions}. */
export const limitDefaults: Readonly<Required<LimitOptions>> = Object.freeze({
  maxConnections: 100_000,
  maxConnectionsPerAddress: false,
  maxBufferedBytesTotal: Math.floor(getHeapStatistics().heap_size_limit / 4),
  maxHeaders: 100,
  maxPipelinedRequests: 128,
  maxRequestsPerConnection: 1000,
  sendTimeoutMs: 60_000,
  maxMessagesPerSecond: false,
  maxBytesPerSecond: false,
  rateBurstSeconds: 5,
  idleTimeoutMs: false,
  maxAgeMs: 24 * 60 * 60 * 1000,
})

/** The defaults of {@link RequestLimitOptions}. */
export const requestLimitDefaults: Readonly<Required<RequestLimitOptions>> = Object.freeze({
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 5000,
  tlsHandshakeTimeoutMs: 10_000,
  http2MaxStreams: 100,
})

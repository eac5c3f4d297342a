import { getHeapStatistics } from 'node:v8'

/** What one server, one address and one connection may have. */
export interface LimitOptions {
  /** The most TCP connections at once; on one above it a request is answered with 503 and `Retry-After`. @default 100000 */
  readonly maxConnections?: number | false
  /**
   * The most connections of one IPv4 address, or of one IPv6 network of 64 bits, at once; above it 429 is answered. Behind trusted proxies the WebSockets of the
   * address that they speak for are counted. Off by default: one address may stand for a whole office.
   * @default false
   */
  readonly maxConnectionsPerAddress?: number | false
  /**
   * The most bytes that the server keeps for all clients together: unsent bytes, messages that are not complete or not read by
   * the application, and bodies of HTTP. Above it the connections that hold the most are destroyed.
   * @default a quarter of the heap limit of V8
   */
  readonly maxBufferedBytesTotal?: number | false
  /** The most headers of a request or handshake; above it 431 is answered. @default 100 */
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
   * How long a connection may make no progress while something waits for its client: none of the unsent bytes is sent, or
   * none of the requests above {@link maxPipelinedRequests} is reached. Then the connection, or the stream of HTTP/2, is
   * destroyed.
   * @default 60000
   */
  readonly sendTimeoutMs?: number
  /** How many messages a second a client may send, on average; above it the connection is closed with 1008. @default false */
  readonly maxMessagesPerSecond?: number | false
  /**
   * How many bytes a second a client may send, on average and with everything around its messages; above it the
   * connection is closed with 1008.
   * @default false
   */
  readonly maxBytesPerSecond?: number | false
  /** How many seconds' worth of messages and bytes a client that was quiet may send at once. @default 5 */
  readonly rateBurstSeconds?: number
  /** How long a WebSocket may be open without a message of its client; then it is closed with 1000. @default false */
  readonly idleTimeoutMs?: number | false
  /** How long a WebSocket may be open; then it is closed with 1000. @default 86400000, a day */
  readonly maxAgeMs?: number | false
}

/** What the server that `serve()` makes accepts of a request: Node's own limits, by the names that the others have. */
export interface RequestLimitOptions {
  /** The most bytes of all headers of a request; above it 431 is answered. @default 16384 */
  readonly maxHeaderBytes?: number
  /** How long a client may take to send the headers of a request or handshake; then 408 is answered. @default 10000 */
  readonly headersTimeoutMs?: number
  /** How long a client may take to send a whole request; then 408 is answered. @default 300000 */
  readonly requestTimeoutMs?: number
  /** How long a connection may wait for its next request. @default 5000 */
  readonly keepAliveTimeoutMs?: number
  /** How long a client may take from its connection to the end of its TLS handshake; then it is cut. @default 10000 */
  readonly tlsHandshakeTimeoutMs?: number
  /** The most requests and WebSockets at once on a connection of HTTP/2; the client waits with more. @default 100 */
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

import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer, type Server as HttpsServer } from 'node:https'
import { Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from '../../asgi/logger.ts'
import { Http2Server, type Http2Limits } from '../http2/http2-server.ts'
import type { KeepAliveOptions } from '../http2/session-keep-alive.ts'
import { limitDefaults, type LimitOptions, type RequestLimitOptions } from '../limits/limit-options.ts'
import {
  createServerWithin,
  nodeHeadersCount,
  nodeLimits,
  requestLimitsOf,
  type RequestLimits,
} from '../limits/request-limits.ts'
import type { Credentials } from '../transport/tls/credentials.ts'
import type { TlsOptions } from '../transport/tls/tls-options.ts'
import { PendingHandshakes } from '../transport/tls/pending-handshakes.ts'
import { webSocketDefaults, type WebSocketOptions } from '../websocket/websocket-options.ts'
import { acceptSockets } from './accept-sockets.ts'
import { HandshakeFastPath } from './handshake-fast-path.ts'

/** The options of one listening server. */
interface HttpListenerOptions
  extends
    RequestLimitOptions,
    Pick<LimitOptions, 'maxHeaders' | 'maxRequestsPerConnection' | 'sendTimeoutMs'>,
    Pick<WebSocketOptions, 'pingIntervalMs' | 'pingTimeoutMs'>,
    Pick<TlsOptions, 'http2'> {}

/** The HTTP or HTTPS server of one listen target. */
export class HttpListener {
  readonly server: HttpServer | HttpsServer
  /** Serves HTTP/2 on its connections; `undefined` without TLS or with `http2: false`. */
  readonly http2: Http2Server | undefined
  readonly #fastPath: HandshakeFastPath
  readonly #pending: PendingHandshakes | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` for a limit out of its range */
  constructor(options: HttpListenerOptions, credentials: Credentials | undefined, logger: Logger) {
    const limits = requestLimitsOf(options)
    const tlsServer = credentials && createTlsServer(options, limits, credentials)
    const hasHttp2 = tlsServer !== undefined && options.http2 !== false
    this.server = tlsServer ?? createServerWithin(options)
    this.#pending = tlsServer && new PendingHandshakes(tlsServer, limits.tlsHandshakeTimeoutMs)
    this.http2 = hasHttp2 ? new Http2Server(http2LimitsOf(options, limits), nodeHeadersCount(options)) : undefined
    const event = tlsServer === undefined ? 'connection' : 'secureConnection'
    this.#fastPath = HandshakeFastPath.replacing(this.server, event, limits, logger)
    acceptSockets(this.server)
    this.server.prependListener(event, (socket: Socket | TLSSocket) => this.#accept(socket))
  }

  /** Uses the credentials for new TLS handshakes. Open connections keep the old ones. */
  use(credentials: Credentials): void {
    const { server } = this
    if ('setSecureContext' in server) server.setSecureContext(credentials)
  }

  /**
   * Stops listening and continues to serve open connections. Each response asks its client to open another connection for the next
   * request. Call `close()` afterwards.
   */
  handOver(): void {
    const { server } = this
    // The close() of http.Server ends idle connections at once, also those with a request in flight.
    Server.prototype.close.call(server)
    this.http2?.close()
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      // HTTP/2 has sent GOAWAY, and has no such header.
      if (request.httpVersionMajor === 1) response.setHeader('Connection', 'close')
    })
  }

  /** Stops listening, ends idle connections and TLS handshakes at once, and resolves when the last connection has ended. */
  close(): Promise<void> {
    const { server } = this
    this.#pending?.destroy()
    this.#fastPath.close()
    this.http2?.close()
    // A connection that was busy at the start becomes idle after its response, and would stay open for a next request.
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    return new Promise((resolve) => {
      server.close(() => {
        clearInterval(idle)
        resolve()
      })
    })
  }

  /** Destroys every connection. */
  destroy(): void {
    this.#pending?.destroy()
    this.#fastPath.close()
    this.server.closeAllConnections()
    this.http2?.destroy()
  }

  #accept(socket: Socket | TLSSocket): void {
    if (this.http2 !== undefined && 'alpnProtocol' in socket && socket.alpnProtocol === 'h2') this.http2.accept(socket)
    else this.#fastPath.accept(socket)
  }
}

/** How often a closing server ends idle connections. */
const CLOSE_IDLE_EVERY_MS = 20

function createTlsServer(options: HttpListenerOptions, limits: RequestLimits, credentials: Credentials): HttpsServer {
  const asksForCertificate = credentials.ca !== undefined
  const server = createServer({
    ...nodeLimits(limits),
    ...credentials,
    ALPNProtocols: options.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1'],
    requestCert: asksForCertificate,
    rejectUnauthorized: asksForCertificate,
  })
  server.maxHeadersCount = nodeHeadersCount(options)
  return server
}

function http2LimitsOf(options: HttpListenerOptions, limits: RequestLimits): Http2Limits & KeepAliveOptions {
  const { pingIntervalMs = webSocketDefaults.pingIntervalMs, pingTimeoutMs = webSocketDefaults.pingTimeoutMs } = options
  const { maxRequestsPerConnection = limitDefaults.maxRequestsPerConnection } = options
  const { sendTimeoutMs = limitDefaults.sendTimeoutMs } = options
  return { ...limits, pingIntervalMs, pingTimeoutMs, maxRequestsPerConnection, sendTimeoutMs }
}

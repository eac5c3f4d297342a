import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer, type Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import type { Logger } from '../../asgi/logger.ts'
import { Http2Front } from '../http2/http2-front.ts'
import { limitDefaults, type LimitOptions, type RequestLimitOptions } from '../limits/limit-options.ts'
import { createServerWithin, nodeHeadersCount, nodeLimits, requestLimitsOf } from '../limits/request-limits.ts'
import type { Credentials } from '../transport/tls/credentials.ts'
import type { TlsOptions } from '../transport/tls/tls-options.ts'
import { PendingHandshakes } from '../transport/tls/pending-handshakes.ts'
import { webSocketDefaults, type WebSocketOptions } from '../websocket/websocket-options.ts'
import { HandshakeShortcut } from './handshake-shortcut.ts'

/** The options of one listening server. */
interface FrontOptions
  extends
    RequestLimitOptions,
    Pick<LimitOptions, 'maxHeaders' | 'maxRequestsPerConnection' | 'sendTimeoutMs'>,
    Pick<WebSocketOptions, 'pingIntervalMs' | 'pingTimeoutMs'>,
    Pick<TlsOptions, 'http2'> {}

/** The HTTP or HTTPS server of one listen target. */
export class Front {
  readonly server: HttpServer | HttpsServer
  /** Serves HTTP/2 on its connections; `undefined` without TLS or with `http2: false`. */
  readonly http2: Http2Front | undefined
  readonly #shortcut: HandshakeShortcut
  readonly #pending: PendingHandshakes | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` for a limit out of its range */
  constructor(options: FrontOptions, credentials: Credentials | undefined, logger: Logger) {
    const limits = requestLimitsOf(options)
    if (credentials === undefined) {
      const server = createServerWithin(options)
      const shortcut = HandshakeShortcut.replacing(server, 'connection', limits, logger)
      server.prependListener('connection', (socket) => shortcut.accept(socket))
      this.server = server
      this.#shortcut = shortcut
      return
    }
    const asksForCertificate = credentials.ca !== undefined
    const server = createServer({
      ...nodeLimits(limits),
      ...credentials,
      ALPNProtocols: options.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1'],
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
    })
    server.maxHeadersCount = nodeHeadersCount(options)
    this.server = server
    this.#pending = new PendingHandshakes(server, limits.tlsHandshakeTimeoutMs)
    const shortcut = HandshakeShortcut.replacing(server, 'secureConnection', limits, logger)
    this.#shortcut = shortcut
    if (options.http2 === false) {
      server.prependListener('secureConnection', (socket) => shortcut.accept(socket))
      return
    }
    const { pingIntervalMs = webSocketDefaults.pingIntervalMs, pingTimeoutMs = webSocketDefaults.pingTimeoutMs } =
      options
    const { maxRequestsPerConnection = limitDefaults.maxRequestsPerConnection } = options
    const { sendTimeoutMs = limitDefaults.sendTimeoutMs } = options
    const http2Limits = { ...limits, pingIntervalMs, pingTimeoutMs, maxRequestsPerConnection, sendTimeoutMs }
    const http2 = new Http2Front(http2Limits, nodeHeadersCount(options))
    server.prependListener('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') http2.accept(socket)
      else shortcut.accept(socket)
    })
    this.http2 = http2
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
    this.#pending?.cut()
    this.#shortcut.close()
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
  cut(): void {
    this.#pending?.cut()
    this.#shortcut.close()
    this.server.closeAllConnections()
    this.http2?.cut()
  }
}

/** How often a closing server ends idle connections. */
const CLOSE_IDLE_EVERY_MS = 20

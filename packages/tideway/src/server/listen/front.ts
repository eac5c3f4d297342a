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

/** What serves one place to listen at: plain HTTP, or HTTP over TLS. */
export class Front {
  readonly server: HttpServer | HttpsServer
  /** What serves HTTP/2 on its connections. */
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

  /** Handshakes from now on are made with these; connections that there are keep theirs. */
  use(credentials: Credentials): void {
    const { server } = this
    if ('setSecureContext' in server) server.setSecureContext(credentials)
  }

  /**
   * Stops listening and serves on. Whoever asks once more over a connection that is there is answered, and told to make
   * another connection next time. `close()` is still to be called.
   */
  handOver(): void {
    const { server } = this
    // The close() of http ends idle connections at once, also those on which a request is on its way.
    Server.prototype.close.call(server)
    this.http2?.close()
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      // HTTP/2 has been told in its own way, and has no such header.
      if (request.httpVersionMajor === 1) response.setHeader('Connection', 'close')
    })
  }

  /** Stops listening, and resolves when the last connection has ended: idle ones and TLS handshakes are ended at once. */
  close(): Promise<void> {
    const { server } = this
    this.#pending?.cut()
    this.#shortcut.close()
    this.http2?.close()
    // A connection that was busy at the beginning is idle when its request is done, and would stay for a next one.
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    return new Promise((resolve) => {
      server.close(() => {
        clearInterval(idle)
        resolve()
      })
    })
  }

  /** Cuts every connection. */
  cut(): void {
    this.#pending?.cut()
    this.#shortcut.close()
    this.server.closeAllConnections()
    this.http2?.cut()
  }
}

/** How often a closing server looks for connections whose request is done. */
const CLOSE_IDLE_EVERY_MS = 20

import type { Server as HttpServer } from 'node:http'
import { createServer, type Server as HttpsServer } from 'node:https'
import { createServerWithin, nodeHeadersCount, nodeLimits, requestLimitsOf } from '../limits/request-limits.ts'
import type { ServeOptions } from '../options.ts'
import type { Credentials } from '../tls/credentials.ts'
import { PendingHandshakes } from '../tls/pending-handshakes.ts'

/** What serves one place to listen at: plain HTTP, or HTTP over TLS. */
export class Front {
  readonly server: HttpServer | HttpsServer
  readonly #pending: PendingHandshakes | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` for a limit out of its range */
  constructor(options: ServeOptions, credentials: Credentials | undefined) {
    if (credentials === undefined) {
      this.server = createServerWithin(options)
      return
    }
    const limits = requestLimitsOf(options)
    const asksForCertificate = credentials.ca !== undefined
    const server = createServer({
      ...nodeLimits(limits),
      ...credentials,
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
    })
    server.maxHeadersCount = nodeHeadersCount(options)
    this.#pending = new PendingHandshakes(server, limits.tlsHandshakeTimeoutMs)
    this.server = server
  }

  /** Handshakes from now on are made with these; connections that there are keep theirs. */
  use(credentials: Credentials): void {
    const { server } = this
    if ('setSecureContext' in server) server.setSecureContext(credentials)
  }

  /**
   * Stops listening, and resolves when the last connection has ended: idle ones are ended at once, and so are TLS handshakes
   * unless they are to finish.
   */
  close({ finishesHandshakes = false }: { readonly finishesHandshakes?: boolean } = {}): Promise<void> {
    const { server } = this
    if (!finishesHandshakes) this.#pending?.cut()
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
    this.server.closeAllConnections()
  }
}

/** How often a closing server looks for connections whose request is done. */
const CLOSE_IDLE_EVERY_MS = 20

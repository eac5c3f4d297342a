import type { ServerHttp2Session } from 'node:http2'

/** The keep-alive pings of a connection, with the same options as for WebSockets. */
export interface KeepAliveOptions {
  /** The time from the last answer to the next ping; `false`: no pings. */
  readonly pingIntervalMs: number | false
  readonly pingTimeoutMs: number
}

/**
 * Finds lost connections while streams are open. After a protocol error of nghttp2, Node 20 stops reading the connection, emits
 * nothing, and never sees that the client has disconnected: only an unanswered ping shows it.
 */
export class SessionKeepAlive {
  readonly #session: ServerHttp2Session
  readonly #options: KeepAliveOptions
  #lastAt = performance.now()
  #isPingPending = false

  constructor(session: ServerHttp2Session, options: KeepAliveOptions) {
    this.#session = session
    this.#options = options
  }

  /** Sends a ping when one is due. Returns `false` if the last one was not answered in time. */
  isAlive(now: number): boolean {
    const { pingIntervalMs, pingTimeoutMs } = this.#options
    if (pingIntervalMs === false || this.#session.destroyed) return true
    if (this.#isPingPending) return now - this.#lastAt < pingTimeoutMs
    if (now - this.#lastAt < pingIntervalMs) return true
    this.#isPingPending = true
    this.#lastAt = now
    this.#session.ping((error) => {
      // A ping that could not be sent or was cancelled has no answer.
      if (error !== null) return
      this.#isPingPending = false
      this.#lastAt = performance.now()
    })
    return true
  }
}

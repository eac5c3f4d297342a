import type { ServerHttp2Session } from 'node:http2'

/** How peers are asked whether they are there; the same as for WebSockets. */
export interface PulseOptions {
  /** How long after the last answer the next ping is sent; `false` for none. */
  readonly pingIntervalMs: number | false
  readonly pingTimeoutMs: number
}

/**
 * Finds connections that are gone while streams are open. Node stops reading a connection on which nghttp2 has found a fault,
 * says nothing of it, and so never learns that the client has hung up (Node 20): only what is not answered tells.
 */
export class SessionPulse {
  readonly #session: ServerHttp2Session
  readonly #options: PulseOptions
  #lastAt = performance.now()
  #isAsked = false

  constructor(session: ServerHttp2Session, options: PulseOptions) {
    this.#session = session
    this.#options = options
  }

  /** `false`: the connection is gone, or as good as that. */
  isThere(now: number): boolean {
    const { pingIntervalMs, pingTimeoutMs } = this.#options
    if (pingIntervalMs === false || this.#session.destroyed) return true
    if (this.#isAsked) return now - this.#lastAt < pingTimeoutMs
    if (now - this.#lastAt < pingIntervalMs) return true
    this.#isAsked = true
    this.#lastAt = now
    this.#session.ping((error) => {
      // One that could not be sent, or was given up, is not answered.
      if (error !== null) return
      this.#isAsked = false
      this.#lastAt = performance.now()
    })
    return true
  }
}

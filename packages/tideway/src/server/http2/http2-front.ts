import { createServer, constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Heartbeat, type HeartbeatClient } from '../transport/heartbeat.ts'
import { cut } from '../transport/cut.ts'
import { Carrier, carrierOf, carry } from './carrier.ts'
import { SessionPulse, type PulseOptions } from './session-pulse.ts'

/** The pseudo-header fields that a request has at most: method, scheme, authority, path, protocol. */
const PSEUDO_FIELDS = 5

/** The limits of an HTTP/2 connection: times in milliseconds. */
export interface Http2Limits {
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly http2MaxStreams: number
  readonly maxRequestsPerConnection: number | false
  readonly sendTimeoutMs: number
}

/** Serves HTTP/2 on connections that have agreed on it, and holds them to the limits that HTTP/1 has. */
export class Http2Front {
  /** Listens to nothing itself: what comes is told by its `stream` event. */
  readonly server: Http2Server
  readonly #limits: Http2Limits & PulseOptions
  readonly #heartbeat: Heartbeat
  readonly #sessions = new Set<ServerHttp2Session>()
  #carrier: Carrier | undefined
  #isClosing = false

  /** @param headersCount how many headers a request may have before its stream is reset */
  constructor(limits: Http2Limits & PulseOptions, headersCount: number) {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, pingIntervalMs, pingTimeoutMs, sendTimeoutMs } =
      limits
    const pulseMs = pingIntervalMs === false ? pingTimeoutMs : Math.min(pingIntervalMs, pingTimeoutMs)
    this.#limits = limits
    this.#heartbeat = new Heartbeat(
      Math.min(headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, pulseMs, sendTimeoutMs),
    )
    this.server = createServer({
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: limits.http2MaxStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      maxHeaderListPairs: headersCount + PSEUDO_FIELDS,
    })
    this.server.on('session', (session) => this.#watch(session))
    // The connection is gone, and its streams say so themselves.
    this.server.on('sessionError', () => {})
  }

  /** Takes a connection that has agreed on `h2`. */
  accept(socket: TLSSocket): void {
    this.#carrier = new Carrier(socket)
    this.server.emit('connection', this.#carrier)
  }

  /** Says on every connection that it takes no more streams (GOAWAY); those that run go on to their end. */
  close(): void {
    this.#isClosing = true
    for (const session of this.#sessions) session.close()
  }

  /** Cuts every connection. */
  cut(): void {
    for (const session of this.#sessions) cutSession(session)
  }

  #watch(session: ServerHttp2Session): void {
    carry(session, this.#carrier!)
    this.#carrier = undefined
    // Whoever was let in that late has asked for something: that is answered, and nothing more.
    if (this.#isClosing) session.once('stream', () => session.close())
    const guard = new SessionGuard(session, this.#limits)
    this.#sessions.add(session)
    this.#heartbeat.add(guard)
    session.once('close', () => {
      this.#sessions.delete(session)
      this.#heartbeat.delete(guard)
    })
  }
}

/** The times of one connection. */
class SessionGuard implements HeartbeatClient {
  readonly #session: ServerHttp2Session
  readonly #limits: Http2Limits
  readonly #pulse: SessionPulse
  #total = 0
  #wasUsed = false
  /** Since when no stream is open. */
  #idleSince = performance.now()
  /** Requests whose bodies are not there yet, and when they began. */
  readonly #unfinished = new Map<ServerHttp2Stream, number>()
  /** Streams that have had unsent bytes, and when they last had none or sent some. */
  readonly #unsent = new Map<ServerHttp2Stream, number>()
  readonly #streams = new Set<ServerHttp2Stream>()

  constructor(session: ServerHttp2Session, limits: Http2Limits & PulseOptions) {
    this.#session = session
    this.#limits = limits
    this.#pulse = new SessionPulse(session, limits)
    session.on('stream', (stream, headers) => this.#opened(stream, headers[':method'] === 'CONNECT'))
  }

  check(now: number): void {
    const { headersTimeoutMs, keepAliveTimeoutMs, requestTimeoutMs } = this.#limits
    // Whatever else a client sends, such as pings or half a header block: it is no request.
    const mayBeIdleMs = this.#wasUsed ? keepAliveTimeoutMs : headersTimeoutMs
    const isIdle = this.#streams.size === 0 && now - this.#idleSince >= mayBeIdleMs
    // A client that has been told and does not hang up is cut; and one of which Node 20 waits, after a fault, for a write
    // that never ends, as it does if TLS was ending already.
    const isOver = this.#session.closed || this.#session.destroyed
    if (isIdle && isOver) cutSession(this.#session)
    else if (isIdle) this.#session.close()
    else if (this.#streams.size > 0 && !this.#pulse.isThere(now)) cutSession(this.#session)
    this.#cutUnread(now)
    for (const [stream, beganAt] of this.#unfinished) {
      if (now - beganAt < requestTimeoutMs) continue
      this.#unfinished.delete(stream)
      if (stream.destroyed) continue
      if (stream.headersSent) cut(stream)
      else {
        stream.respond({ ':status': 408 }, { endStream: true })
        stream.close(constants.NGHTTP2_NO_ERROR)
      }
    }
  }

  /** A client may leave the window of a stream closed for ever, and answer pings. */
  #cutUnread(now: number): void {
    const moved = carrierOf(this.#session).sent.take()
    for (const stream of this.#streams) {
      if (stream.writableLength === 0) this.#unsent.delete(stream)
      else if (moved.has(stream.id!) || !this.#unsent.has(stream)) this.#unsent.set(stream, now)
      else if (now - this.#unsent.get(stream)! >= this.#limits.sendTimeoutMs) this.#cutStream(stream)
    }
  }

  /** Node sends no reset for a stream that it has closed, which ends with its session. */
  #cutStream(stream: ServerHttp2Stream): void {
    if (stream.closed) cutSession(this.#session)
    else cut(stream)
  }

  #opened(stream: ServerHttp2Stream, isConnect: boolean): void {
    this.#streams.add(stream)
    this.#total++
    this.#wasUsed = true
    // The client makes another connection for what it asks next (GOAWAY, RFC 9113 §6.8).
    if (this.#total === this.#limits.maxRequestsPerConnection) this.#session.close()
    if (!isConnect && !stream.endAfterHeaders) {
      this.#unfinished.set(stream, performance.now())
      stream.once('end', () => this.#unfinished.delete(stream))
    }
    stream.once('close', () => {
      this.#unfinished.delete(stream)
      this.#unsent.delete(stream)
      this.#streams.delete(stream)
      if (this.#streams.size === 0) this.#idleSince = performance.now()
    })
  }
}

/** Ends a session and its connection: to destroy a session that has been closed would only end our side of it. */
function cutSession(session: ServerHttp2Session): void {
  session.destroy()
  carrierOf(session).destroy()
}

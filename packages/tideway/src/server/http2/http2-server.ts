import {
  createServer,
  constants,
  type Http2Server as NodeHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Heartbeat, type HeartbeatClient } from '../transport/heartbeat.ts'
import { destroyTransport } from '../transport/destroy-transport.ts'
import { TlsDuplex, tlsDuplexOf, setTlsDuplex } from './tls-duplex.ts'
import { SessionKeepAlive, type KeepAliveOptions } from './session-keep-alive.ts'

/** The most pseudo-header fields of a request: method, scheme, authority, path, protocol. */
const PSEUDO_FIELDS = 5

/** The limits of an HTTP/2 connection. */
export interface Http2Limits {
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly http2MaxStreams: number
  readonly maxRequestsPerConnection: number | false
  readonly sendTimeoutMs: number
}

/** Serves HTTP/2 on connections that have negotiated it, under the same limits as HTTP/1. */
export class Http2Server {
  /** Emits `stream` for each request. It listens on no port. */
  readonly server: NodeHttp2Server
  readonly #limits: Http2Limits & KeepAliveOptions
  readonly #heartbeat: Heartbeat
  readonly #sessions = new Set<ServerHttp2Session>()
  #isClosing = false

  /** @param headersCount the most headers of a request; the stream of a request with more is reset */
  constructor(limits: Http2Limits & KeepAliveOptions, headersCount: number) {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, pingIntervalMs, pingTimeoutMs, sendTimeoutMs } =
      limits
    const keepAliveMs = pingIntervalMs === false ? pingTimeoutMs : Math.min(pingIntervalMs, pingTimeoutMs)
    this.#limits = limits
    this.#heartbeat = new Heartbeat(
      Math.min(headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, keepAliveMs, sendTimeoutMs),
    )
    this.server = createServer({
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: limits.http2MaxStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      maxHeaderListPairs: headersCount + PSEUDO_FIELDS,
    })
    // The connection is closed, and each of its streams emits its own `close`.
    this.server.on('sessionError', () => {})
  }

  /** Serves a connection that has negotiated `h2`. */
  accept(socket: TLSSocket): void {
    const duplex = new TlsDuplex(socket)
    const watch = (session: ServerHttp2Session): void => this.#watch(session, duplex)
    // Node makes the session of a connection, and emits `session`, inside emit().
    this.server.once('session', watch)
    this.server.emit('connection', duplex)
    this.server.removeListener('session', watch)
  }

  /** Sends GOAWAY on every connection: it accepts no more streams, and running ones are finished. */
  close(): void {
    this.#isClosing = true
    for (const session of this.#sessions) session.close()
  }

  /** Destroys every connection. */
  destroy(): void {
    for (const session of this.#sessions) destroySession(session)
  }

  #watch(session: ServerHttp2Session, duplex: TlsDuplex): void {
    setTlsDuplex(session, duplex)
    // A connection that was accepted this late has sent a request: the server answers that one only.
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

/** Enforces the timeouts of one connection. */
class SessionGuard implements HeartbeatClient {
  readonly #session: ServerHttp2Session
  readonly #limits: Http2Limits
  readonly #keepAlive: SessionKeepAlive
  #total = 0
  #wasUsed = false
  /** When the last open stream closed. */
  #idleSince = performance.now()
  /** Requests whose bodies are not complete, with their start times. */
  readonly #unfinished = new Map<ServerHttp2Stream, number>()
  /** Streams with unsent bytes, with the time at which they last sent data or had no unsent bytes. */
  readonly #unsent = new Map<ServerHttp2Stream, number>()
  readonly #streams = new Set<ServerHttp2Stream>()

  constructor(session: ServerHttp2Session, limits: Http2Limits & KeepAliveOptions) {
    this.#session = session
    this.#limits = limits
    this.#keepAlive = new SessionKeepAlive(session, limits)
    session.on('stream', (stream, headers) => this.#opened(stream, headers[':method'] === 'CONNECT'))
  }

  check(now: number): void {
    const { headersTimeoutMs, keepAliveTimeoutMs, requestTimeoutMs } = this.#limits
    // Pings and half a header block are not requests, and do not extend the time.
    const mayBeIdleMs = this.#wasUsed ? keepAliveTimeoutMs : headersTimeoutMs
    const isIdle = this.#streams.size === 0 && now - this.#idleSince >= mayBeIdleMs
    // Destroys a connection whose client got GOAWAY and does not disconnect, and one on which Node 20 waits, after a protocol
    // error, for a write that never completes because TLS was ending already.
    const isOver = this.#session.closed || this.#session.destroyed
    if (isIdle && isOver) destroySession(this.#session)
    else if (isIdle) this.#session.close()
    else if (this.#streams.size > 0 && !this.#keepAlive.isAlive(now)) destroySession(this.#session)
    this.#destroyUnread(now)
    for (const [stream, beganAt] of this.#unfinished) {
      if (now - beganAt < requestTimeoutMs) continue
      this.#unfinished.delete(stream)
      if (stream.destroyed) continue
      if (stream.headersSent) destroyTransport(stream)
      else {
        stream.respond({ ':status': 408 }, { endStream: true })
        stream.close(constants.NGHTTP2_NO_ERROR)
      }
    }
  }

  /** A client may leave the window of a stream closed forever and still answer pings. */
  #destroyUnread(now: number): void {
    const moved = tlsDuplexOf(this.#session).sent.take()
    for (const stream of this.#streams) {
      if (stream.writableLength === 0) this.#unsent.delete(stream)
      else if (moved.has(stream.id!) || !this.#unsent.has(stream)) this.#unsent.set(stream, now)
      else if (now - this.#unsent.get(stream)! >= this.#limits.sendTimeoutMs) this.#destroyStream(stream)
    }
  }

  /** Node does not reset a stream that it has already closed. Such a stream ends with its session. */
  #destroyStream(stream: ServerHttp2Stream): void {
    if (stream.closed) destroySession(this.#session)
    else destroyTransport(stream)
  }

  #opened(stream: ServerHttp2Stream, isConnect: boolean): void {
    this.#streams.add(stream)
    this.#total++
    this.#wasUsed = true
    // The client opens another connection for its next request (GOAWAY, RFC 9113 §6.8).
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

/** Destroys a session and its connection. After `session.close()`, `session.destroy()` alone would end only the server's side. */
function destroySession(session: ServerHttp2Session): void {
  session.destroy()
  tlsDuplexOf(session).destroy()
}

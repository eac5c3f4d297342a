import type { Logger } from '../../asgi/logger.ts'
import { ProxyProtocolReport } from './proxy-protocol.ts'
import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { MAX_HEAD_BYTES, readHandshakeHead } from '../handshake/handshake-head.ts'
import { handToNodeHttp, type ServeHttp } from '../http/hand-to-node-http.ts'
import { checkMs, type RequestLimits } from '../limits/request-limits.ts'
import { detachOwner, attachOwner, startReading, type SocketOwner } from '../transport/socket-owner.ts'

/**
 * Reads the first bytes of each connection before Node's HTTP does. If they are a plain WebSocket handshake, it emits `upgrade` itself,
 * and Node's parser never gets the connection. It passes any other connection to Node unchanged, and a silent one at the next
 * check of timeouts, so that Node's own timeouts apply. Node's parser, its request and its listeners are a sixth of the cost of a
 * handshake.
 */
export class HandshakeFastPath {
  readonly #server: HttpServer | HttpsServer
  readonly #serveHttp: ServeHttp
  readonly #proxyProtocol: ProxyProtocolReport
  readonly #maxBytes: number
  /** The interval of timeout checks. */
  readonly #waitMs: number
  readonly #waiting = new Set<PendingConnection>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(server: HttpServer | HttpsServer, serveHttp: ServeHttp, limits: RequestLimits, logger: Logger) {
    this.#server = server
    this.#serveHttp = serveHttp
    this.#proxyProtocol = new ProxyProtocolReport(logger)
    this.#maxBytes = Math.min(MAX_HEAD_BYTES, limits.maxHeaderBytes)
    this.#waitMs = checkMs(limits)
  }

  /** Removes Node's own listener, the first one of a new server for the event. */
  static replacing(
    server: HttpServer | HttpsServer,
    event: 'connection' | 'secureConnection',
    limits: RequestLimits,
    logger: Logger,
  ): HandshakeFastPath {
    const [serveHttp] = server.listeners(event) as [ServeHttp]
    server.removeListener(event, serveHttp)
    return new HandshakeFastPath(server, serveHttp, limits, logger)
  }

  /** Accepts a connection from which nothing was read. */
  accept(socket: Socket): void {
    if (this.#isClosed) {
      this.#serveHttp.call(this.#server, socket)
      return
    }
    this.#waiting.add(new PendingConnection(this, socket))
    this.#timer ??= setInterval(() => this.#handOverAll(), this.#waitMs).unref()
  }

  /** Passes all waiting and later connections to Node, which ends them. */
  close(): void {
    this.#isClosed = true
    this.#handOverAll()
  }

  /** Called with the first bytes of a connection. */
  onFirstBytes(pending: PendingConnection, socket: Socket, chunk: Buffer): void {
    this.#waiting.delete(pending)
    const head = readHandshakeHead(socket, chunk, this.#maxBytes)
    if (head === undefined) {
      this.#proxyProtocol.look(chunk)
      this.#handOver(socket, chunk)
    } else this.#server.emit('upgrade', head, socket, NOTHING)
  }

  /** Called when a connection has ended before its first bytes. */
  forget(pending: PendingConnection): void {
    this.#waiting.delete(pending)
  }

  #handOver(socket: Socket, chunk: Buffer = NOTHING): void {
    detachOwner(socket)
    handToNodeHttp(this.#server, this.#serveHttp, socket, chunk)
  }

  #handOverAll(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const { socket } of this.#waiting) this.#handOver(socket)
    this.#waiting.clear()
  }
}

const NOTHING = Buffer.alloc(0)

/** The owner of a connection until its first bytes. */
class PendingConnection implements SocketOwner {
  readonly socket: Socket
  readonly #fastPath: HandshakeFastPath
  #hasFirstBytes = false

  constructor(fastPath: HandshakeFastPath, socket: Socket) {
    this.#fastPath = fastPath
    this.socket = socket
    attachOwner(socket, this)
    startReading(socket)
  }

  onData(chunk: Buffer): void {
    // Discards the bytes after a refused handshake.
    if (this.#hasFirstBytes) return
    this.#hasFirstBytes = true
    this.#fastPath.onFirstBytes(this, this.socket, chunk)
  }

  onDrain(): void {}

  onEnd(): void {
    this.#fastPath.forget(this)
    this.socket.end()
  }

  onClose(): void {
    this.#fastPath.forget(this)
  }
}

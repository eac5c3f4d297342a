import type { Logger } from '../../asgi/logger.ts'
import { ProxyProtocolReport } from './proxy-protocol.ts'
import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { MAX_HEAD_BYTES, readHandshakeHead } from '../handshake/handshake-head.ts'
import { serveAnew, type ServeHttp } from '../http/serve-anew.ts'
import { checkMs, type RequestLimits } from '../limits/request-limits.ts'
import { disown, own, read, type SocketOwner } from '../transport/socket-owner.ts'

/**
 * Reads the first bytes of each connection before Node's HTTP does. If they are a plain WebSocket handshake, it emits `upgrade` itself,
 * and Node's parser never gets the connection. It passes any other connection to Node unchanged, and a silent one at the next
 * check of timeouts, so that Node's own timeouts apply. Node's parser, its request and its listeners are a sixth of the cost of a
 * handshake.
 */
export class HandshakeShortcut {
  readonly #server: HttpServer | HttpsServer
  readonly #serveHttp: ServeHttp
  readonly #proxyProtocol: ProxyProtocolReport
  readonly #maxBytes: number
  /** The interval of timeout checks. */
  readonly #waitMs: number
  readonly #waiting = new Set<FirstBytes>()
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
  ): HandshakeShortcut {
    const [serveHttp] = server.listeners(event) as [ServeHttp]
    server.removeListener(event, serveHttp)
    return new HandshakeShortcut(server, serveHttp, limits, logger)
  }

  /** Accepts a connection from which nothing was read. */
  accept(socket: Socket): void {
    if (this.#isClosed) {
      this.#serveHttp.call(this.#server, socket)
      return
    }
    this.#waiting.add(new FirstBytes(this, socket))
    this.#timer ??= setInterval(() => this.#handOverAll(), this.#waitMs).unref()
  }

  /** Passes all waiting and later connections to Node, which ends them. */
  close(): void {
    this.#isClosed = true
    this.#handOverAll()
  }

  /** Called with the first bytes of a connection. */
  began(first: FirstBytes, socket: Socket, chunk: Buffer): void {
    this.#waiting.delete(first)
    const head = readHandshakeHead(socket, chunk, this.#maxBytes)
    if (head === undefined) {
      this.#proxyProtocol.look(chunk)
      this.#handOver(socket, chunk)
    } else this.#server.emit('upgrade', head, socket, NOTHING)
  }

  /** Called when a connection has ended before its first bytes. */
  forget(first: FirstBytes): void {
    this.#waiting.delete(first)
  }

  #handOver(socket: Socket, chunk: Buffer = NOTHING): void {
    disown(socket)
    serveAnew(this.#server, this.#serveHttp, socket, chunk)
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
class FirstBytes implements SocketOwner {
  readonly socket: Socket
  readonly #shortcut: HandshakeShortcut
  #isThere = false

  constructor(shortcut: HandshakeShortcut, socket: Socket) {
    this.#shortcut = shortcut
    this.socket = socket
    own(socket, this)
    read(socket)
  }

  data(chunk: Buffer): void {
    // Discards the bytes after a refused handshake.
    if (this.#isThere) return
    this.#isThere = true
    this.#shortcut.began(this, this.socket, chunk)
  }

  drained(): void {}

  ended(): void {
    this.#shortcut.forget(this)
    this.socket.end()
  }

  closed(): void {
    this.#shortcut.forget(this)
  }
}

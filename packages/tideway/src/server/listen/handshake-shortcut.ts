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
 * Stands in front of Node's HTTP: a connection whose first bytes are a plain WebSocket handshake never gets there, and its
 * `upgrade` is emitted as if it had. Whatever else comes is handed over as it came; and a connection on which nothing comes, at
 * the next look for what takes too long, so that its time-outs are Node's. Node's parser, its request and its listeners are a
 * sixth of what a handshake costs.
 */
export class HandshakeShortcut {
  readonly #server: HttpServer | HttpsServer
  readonly #serveHttp: ServeHttp
  readonly #proxyProtocol: ProxyProtocolReport
  readonly #maxBytes: number
  /** From one look to the next. */
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

  /** Takes Node's own listener, the first that a new server has for the event, off the server. */
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

  /** Takes a connection that nothing was read of. */
  accept(socket: Socket): void {
    if (this.#isClosed) {
      this.#serveHttp.call(this.#server, socket)
      return
    }
    this.#waiting.add(new FirstBytes(this, socket))
    this.#timer ??= setInterval(() => this.#handOverAll(), this.#waitMs).unref()
  }

  /** Hands over the connections that wait, and all to come: Node knows how to end them. */
  close(): void {
    this.#isClosed = true
    this.#handOverAll()
  }

  /** The first bytes of a connection. */
  began(first: FirstBytes, socket: Socket, chunk: Buffer): void {
    this.#waiting.delete(first)
    const head = readHandshakeHead(socket, chunk, this.#maxBytes)
    if (head === undefined) {
      this.#proxyProtocol.look(chunk)
      this.#handOver(socket, chunk)
    } else this.#server.emit('upgrade', head, socket, NOTHING)
  }

  /** The connection has ended before it began. */
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

/** Who has a connection until its first bytes are there. */
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
    // What follows a handshake that was refused is nobody's.
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

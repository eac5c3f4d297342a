import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { plainSocketOf } from './plain-socket.ts'

/**
 * Connections whose TLS handshake is not complete. Each has `timeoutMs` for it. Node's own timeout starts again at each byte that
 * the client sends, so a client that sends a byte now and then could keep its connection forever.
 */
export class PendingHandshakes {
  readonly #timers = new Map<Socket, NodeJS.Timeout>()

  constructor(server: HttpsServer, timeoutMs: number) {
    server.on('connection', (socket: Socket) => {
      const timer = setTimeout(() => socket.destroy(), timeoutMs).unref()
      this.#timers.set(socket, timer)
      socket.once('close', () => this.#forget(socket))
    })
    server.on('secureConnection', (socket) => this.#forget(plainSocketOf(socket)))
  }

  /** Destroys all of them: none has sent a request. */
  destroy(): void {
    for (const socket of this.#timers.keys()) socket.destroy()
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#timers.get(socket))
    this.#timers.delete(socket)
  }
}

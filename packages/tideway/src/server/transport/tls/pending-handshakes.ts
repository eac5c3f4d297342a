import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { plainSocketOf } from './plain-socket.ts'

/**
 * Connections whose TLS handshake is not done. Each has so long for it: Node's own time-out begins anew with what a client
 * sends, so that one that sends a byte now and then could hold its connection for ever.
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

  /** Cuts them: nothing has been asked on them. */
  cut(): void {
    for (const socket of this.#timers.keys()) socket.destroy()
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#timers.get(socket))
    this.#timers.delete(socket)
  }
}

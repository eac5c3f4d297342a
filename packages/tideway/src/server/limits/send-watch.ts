import type { Socket } from 'node:net'

/** The progress of a socket with unsent bytes. */
interface Unsent {
  /** Bytes that the kernel has accepted so far. */
  sent: number
  /** The number of checks in a row without progress. */
  looks: number
}

/** The counters of libuv for a socket. `Socket.bytesWritten` also counts waiting bytes. */
interface StreamHandle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

const LOOKS_A_TIMEOUT = 8
const SHORTEST_LOOK_MS = 10

/**
 * Destroys sockets that send nothing for `timeoutMs` while bytes wait. Node's own socket timeout starts again at each byte
 * that the client sends, and the write callback of a large chunk comes when all of it is sent: a client that reads slowly
 * must keep its connection. One timer checks all sockets, so that a timeout is late by an eighth at most. It counts checks instead of
 * time: a stopped process does not send either.
 */
export class SendWatch {
  readonly #lookMs: number
  readonly #sockets = new Set<Socket>()
  readonly #unsent = new Map<Socket, Unsent>()
  #timer: NodeJS.Timeout | undefined
  #destroyed = 0

  constructor(timeoutMs: number) {
    this.#lookMs = Math.max(SHORTEST_LOOK_MS, timeoutMs / LOOKS_A_TIMEOUT)
  }

  /** How many sockets it has destroyed. */
  get destroyed(): number {
    return this.#destroyed
  }

  /** Watches a TCP or Unix socket; for TLS the socket below it. */
  add(socket: Socket): void {
    this.#sockets.add(socket)
    // The event loop runs timers before it sends. setImmediate() checks after that.
    this.#timer ??= setInterval(() => setImmediate(() => this.#look()), this.#lookMs).unref()
  }

  delete(socket: Socket): void {
    this.#sockets.delete(socket)
    this.#unsent.delete(socket)
    if (this.#sockets.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    for (const socket of this.#sockets) {
      const { _handle: handle } = socket as unknown as { readonly _handle: StreamHandle | null }
      if (handle === null || handle.writeQueueSize === 0) {
        if (this.#unsent.size > 0) this.#unsent.delete(socket)
        continue
      }
      const sent = handle.bytesWritten - handle.writeQueueSize
      const before = this.#unsent.get(socket)
      if (before === undefined || before.sent !== sent) this.#unsent.set(socket, { sent, looks: 0 })
      else if (++before.looks >= LOOKS_A_TIMEOUT) {
        this.#destroyed++
        socket.destroy()
      }
    }
  }
}

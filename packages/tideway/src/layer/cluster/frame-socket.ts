import type { Socket } from 'node:net'
import { FrameReader, type Frame } from './frame.ts'

/** The callbacks of a {@link FrameSocket}. */
export interface FrameListener {
  onFrame(frame: Frame): void
  /** All queued frames were passed to the system. */
  onDrain(): void
  /** The connection has ended. Called once. */
  onClose(error: Error | undefined): void
}

/**
 * Sends and receives frames over a socket. The frames of one turn of the event loop are one write. While the system takes no
 * more bytes, frames stay in the queue, where several sockets share their bytes.
 */
export class FrameSocket {
  readonly #socket: Socket
  readonly #listener: FrameListener
  #queue: Buffer[] = []
  #queuedBytes = 0
  #isScheduled = false
  #isBlocked = false

  constructor(socket: Socket, listener: FrameListener) {
    this.#socket = socket
    this.#listener = listener
    const reader = new FrameReader((frame) => listener.onFrame(frame))
    let failure: Error | undefined
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch (error) {
        // What arrives is not of this version, so the connection is of no use.
        socket.destroy(error as Error)
      }
    })
    socket.on('drain', () => {
      this.#isBlocked = false
      this.#flush()
    })
    socket.on('error', (error) => (failure = error))
    socket.on('close', () => listener.onClose(failure))
  }

  /** The bytes that the system has not taken. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength
  }

  send(frame: Buffer): void {
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    if (this.#isScheduled || this.#isBlocked) return
    this.#isScheduled = true
    setImmediate(() => this.#flush())
  }

  /** Sends what is queued, and closes the connection. Resolves when it is closed. */
  end(): Promise<void> {
    this.#flush()
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve()
      this.#socket.once('close', () => resolve())
      this.#socket.end()
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #flush(): void {
    this.#isScheduled = false
    if (this.#isBlocked || this.#socket.destroyed) return
    if (this.#queue.length > 0) {
      const bytes = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue, this.#queuedBytes)
      this.#queue = []
      this.#queuedBytes = 0
      this.#isBlocked = !this.#socket.write(bytes)
    }
    if (!this.#isBlocked) this.#listener.onDrain()
  }
}

import type { Socket } from 'node:net'
import { backoffMs } from '../../errors/backoff.ts'
import { resolvesWithin } from '../../errors/resolves-within.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { layerClosed } from '../errors.ts'
import { frame, kinds, type Frame, type Hello } from './frame.ts'
import { FrameSocket } from './frame-socket.ts'
import { WaitingFrames } from './waiting-frames.ts'

/** Options of a {@link HubLink}. */
export interface HubLinkOptions {
  readonly hello: Hello
  readonly callTimeoutMs: number
  readonly maxQueuedBytes: number
  /** Connects to the hub. */
  connect(): Promise<Socket>
}

/** The callbacks of a {@link HubLink}. */
export interface HubLinkListener {
  /** The hub serves this process. What the callback sends comes before all that waits. */
  onUp(): void
  onDown(error: Error | undefined): void
  onFrame(frame: Frame): void
  /** A frame of a group was dropped. */
  onDropped(group: string, reason: 'full' | 'unavailable'): void
  /** The queue has room again. */
  onDrain(): void
}

interface Pending {
  readonly at: number
  readonly bytes: Buffer
  /** Whether the hub may get the call twice. */
  readonly isRepeatable: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** The most calls of a process that wait for their result. */
export const MAX_PENDING_CALLS = 10_000
const RECONNECT = { firstMs: 20, mostMs: 1000 }

/** Calls that have the same effect if the hub gets them twice. */
const repeatable: ReadonlySet<string> = new Set(['subscribe', 'watch', 'read', 'values', 'who', 'claim', 'answer'])

/**
 * The connection of a process to the hub: reconnects, and returns the results of calls. What is sent while it is away waits for
 * `callTimeoutMs`.
 */
export class HubLink {
  readonly #options: HubLinkOptions
  readonly #listener: HubLinkListener
  readonly #pending = new Map<number, Pending>()
  readonly #waiting = new WaitingFrames()
  #socket: FrameSocket | undefined
  #isUp = false
  #lastId = 0
  #reconnects = -1
  #lastError: Error | undefined
  #isOpen = false
  #isClosed = false
  #deadlines: NodeJS.Timeout | undefined
  #retry: { readonly timer: NodeJS.Timeout; readonly resolve: () => void } | undefined
  #drained: (() => void)[] = []
  #onReady: (() => void)[] = []

  constructor(options: HubLinkOptions, listener: HubLinkListener) {
    this.#options = options
    this.#listener = listener
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get reconnects(): number {
    return Math.max(0, this.#reconnects)
  }

  /** Begins to connect. */
  open(): void {
    if (this.#isOpen || this.#isClosed) return
    this.#isOpen = true
    const { callTimeoutMs } = this.#options
    this.#deadlines = setInterval(() => this.#expire(), Math.max(10, callTimeoutMs / 8))
    void this.#run()
  }

  /** Resolves when the hub serves this process. @throws TidewayError `ERR_LAYER_UNAVAILABLE` after `callTimeoutMs` */
  ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(layerClosed())
    this.open()
    if (this.#isUp) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#unavailable()), this.#options.callTimeoutMs)
      this.#onReady.push(() => {
        clearTimeout(timer)
        if (this.#isUp) resolve()
        else reject(layerClosed())
      })
    })
  }

  /** Calls a method of the hub. @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown, or the hub did not get the call */
  async call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const payload = JSON.stringify([method, ...args])
    return this.request((id) => frame(kinds.call, '', payload, id), repeatable.has(method))
  }

  /** Sends a frame with an id, and returns the result. */
  request(make: (id: number) => Buffer, isRepeatable = false): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(layerClosed())
    this.open()
    if (!this.hasRoom || this.#pending.size >= MAX_PENDING_CALLS) {
      return Promise.reject(unavailable('has not answered earlier calls, and the queue of this process is full'))
    }
    const id = this.#nextId()
    const bytes = make(id)
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { at: performance.now(), bytes, isRepeatable, resolve, reject })
      this.#send(bytes, '')
    })
  }

  /** Whether the queue to the hub is below its bound. */
  get hasRoom(): boolean {
    return this.#queuedBytes < this.#options.maxQueuedBytes
  }

  /**
   * Sends the frame of a group, or drops it if the queue is full. Returns a promise if the sender should wait, because a part of the
   * queue is used.
   */
  post(bytes: Buffer, group: string): Promise<void> | undefined {
    this.open()
    if (!this.hasRoom) {
      this.#listener.onDropped(group, 'full')
      return undefined
    }
    this.#send(bytes, group)
    if (!this.#isUp || this.#queuedBytes < this.#options.maxQueuedBytes / 16) return undefined
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Sends the frame if the hub is there. What it says is said again after a reconnect. */
  tell(bytes: Buffer): void {
    if (this.#isUp) this.#socket?.send(bytes)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#deadlines)
    clearTimeout(this.#retry?.timer)
    this.#retry?.resolve()
    const socket = this.#socket
    this.#fail(() => true, layerClosed())
    for (const resolve of this.#onReady.splice(0)) resolve()
    if (socket !== undefined && this.#isUp) await resolvesWithin(socket.end(), this.#options.callTimeoutMs)
    this.#isUp = false
    socket?.destroy()
    this.#release()
  }

  get #queuedBytes(): number {
    return this.#waiting.bytes + (this.#socket?.queuedBytes ?? 0)
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0
    while (this.#lastId === 0 || this.#pending.has(this.#lastId))
    return this.#lastId
  }

  #send(bytes: Buffer, group: string): void {
    if (this.#isUp) this.#socket?.send(bytes)
    else this.#waiting.add(bytes, group)
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isClosed; failures++) {
      try {
        const wasUp = await this.#serve(await this.#options.connect())
        if (wasUp) failures = 0
      } catch (error) {
        this.#lastError = error as Error
      }
      if (this.#isClosed) return
      // The first retry is at once: another process may be the hub.
      if (failures > 0) await this.#pause(backoffMs(failures, RECONNECT))
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#retry = { timer: setTimeout(resolve, ms), resolve }
    })
  }

  /** Uses the connection until its end. Resolves with whether the hub has served this process. */
  #serve(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      const link = new FrameSocket(socket, {
        onFrame: (received) => this.#onFrame(received),
        onDrain: () => this.#onDrain(),
        onClose: (error) => {
          const wasUp = this.#isUp
          this.#onClose(error)
          resolve(wasUp)
        },
      })
      this.#socket = link
      if (this.#isClosed) link.destroy()
      else link.send(frame(kinds.hello, '', JSON.stringify(this.#options.hello)))
    })
  }

  #onFrame(received: Frame): void {
    const { kind, id, payload } = received
    if (kind === kinds.welcome) return this.#onWelcome()
    if (kind !== kinds.result && kind !== kinds.failure) return this.#listener.onFrame(received)
    const pending = this.#pending.get(id)
    // The call has expired.
    if (pending === undefined) return
    this.#pending.delete(id)
    const text = payload.toString()
    if (kind === kinds.result) pending.resolve(JSON.parse(text))
    else pending.reject(unavailable(`has refused a call: ${text}`))
  }

  #onWelcome(): void {
    this.#isUp = true
    this.#reconnects++
    this.#listener.onUp()
    for (const bytes of this.#waiting.takeAll()) this.#socket?.send(bytes)
    for (const resolve of this.#onReady.splice(0)) resolve()
  }

  #onDrain(): void {
    this.#release()
    if (this.#isUp) this.#listener.onDrain()
  }

  #release(): void {
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  #onClose(error: Error | undefined): void {
    const wasUp = this.#isUp
    this.#isUp = false
    this.#socket = undefined
    this.#lastError = error
    this.#release()
    if (this.#isClosed || !wasUp) return
    this.#fail(({ isRepeatable }) => !isRepeatable, this.#unavailable())
    for (const { at, bytes } of this.#pending.values()) this.#waiting.add(bytes, '', at)
    this.#listener.onDown(error)
  }

  #fail(isConcerned: (pending: Pending) => boolean, error: Error): void {
    for (const [id, pending] of this.#pending) {
      if (!isConcerned(pending)) continue
      this.#pending.delete(id)
      pending.reject(error)
    }
  }

  /** Ends what has waited for `callTimeoutMs`. Maps and lists are in the order of time. */
  #expire(): void {
    const limit = performance.now() - this.#options.callTimeoutMs
    for (const [id, { at, reject }] of this.#pending) {
      if (at > limit) break
      this.#pending.delete(id)
      reject(this.#unavailable())
    }
    for (const group of this.#waiting.expire(limit)) this.#listener.onDropped(group, 'unavailable')
  }

  #unavailable(): TidewayError {
    return unavailable(this.#isUp ? 'did not answer in time' : 'cannot be reached', this.#lastError)
  }
}

function unavailable(what: string, cause?: Error): TidewayError {
  const reason = cause === undefined ? '' : ` (${cause.message})`
  return new TidewayError('ERR_LAYER_UNAVAILABLE', `The hub of the cluster layer ${what}${reason}.`, { cause })
}

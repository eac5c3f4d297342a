import type { ChannelReceiver, Delivery, Message } from './channel-layer.ts'

interface Waiter {
  readonly resolve: (message: Message) => void
  readonly reject: (error: unknown) => void
}

interface QueuedMessage {
  readonly message: Message
  readonly expiresAt: number
}

/**
 * The queued messages of a channel without an attached receiver. `receive()` returns them first in, first out; pending calls
 * get them in the order of the calls. Bounded by a capacity and by the age of the messages.
 */
export class ChannelQueue implements ChannelReceiver {
  /** The groups of the channel, with the time of the last `groupAdd`, by `performance.now()`. A channel with a receiver needs no times. */
  readonly addedAt: Map<string, number> = new Map()
  readonly #capacity: number
  readonly #expiryMs: number
  readonly #onExpired: (count: number) => void
  readonly #messages: QueuedMessage[] = []
  readonly #waiters: Waiter[] = []
  #receivedAt = 0
  #lostUnread = false

  /** @param onExpired called with the number of messages that expired */
  constructor(capacity: number, expiryMs: number, onExpired: (count: number) => void) {
    this.#capacity = capacity
    this.#expiryMs = expiryMs
    this.#onExpired = onExpired
  }

  /** Whether the queue has no message and no pending `receive()`, so that it can be deleted. */
  get isIdle(): boolean {
    return this.#messages.length === 0 && this.#waiters.length === 0
  }

  /** Whether a `receive()` is pending. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0
  }

  /** Whether a message has expired and no `receive()` came since. */
  get isAbandoned(): boolean {
    return this.#lostUnread && !this.isAwaited
  }

  /** The time of the last `receive()`, by `performance.now()`. */
  get servedAt(): number {
    return this.isAwaited ? performance.now() : this.#receivedAt
  }

  deliver(message: Message): Delivery {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) {
      waiter.resolve(message)
      return 'delivered'
    }
    if (this.#messages.length >= this.#capacity) this.dropExpired()
    if (this.#messages.length >= this.#capacity) return 'full'
    this.#messages.push({ message, expiresAt: performance.now() + this.#expiryMs })
    return 'delivered'
  }

  /** Puts a message back that was received and not used, before all others and beyond the capacity. */
  putBack(message: Message): void {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) waiter.resolve(message)
    else this.#messages.unshift({ message, expiresAt: performance.now() + this.#expiryMs })
  }

  /** Returns the next message, or waits for it until the signal aborts. */
  receive(signal?: AbortSignal): Promise<Message> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    this.dropExpired()
    this.#receivedAt = performance.now()
    this.#lostUnread = false
    const waiting = this.#messages.shift()
    return waiting === undefined ? this.#wait(signal) : Promise.resolve(waiting.message)
  }

  /** Drops expired messages. */
  dropExpired(): void {
    const now = performance.now()
    let expired = 0
    while (expired < this.#messages.length && this.#messages[expired]!.expiresAt <= now) expired++
    if (expired === 0) return
    this.#messages.splice(0, expired)
    this.#lostUnread = true
    this.#onExpired(expired)
  }

  /** Removes and returns every message that has not expired. */
  takeAll(): Message[] {
    this.dropExpired()
    return this.#messages.splice(0).map(({ message }) => message)
  }

  /** Rejects every pending `receive()` with the error. */
  rejectWaiting(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  #wait(signal: AbortSignal | undefined): Promise<Message> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        this.#receivedAt = performance.now()
        reject(signal!.reason as Error)
      }
      const waiter: Waiter = {
        // A waiter that is removed before the signal aborts has its message: an abort loses none.
        resolve: (message) => {
          signal?.removeEventListener('abort', stop)
          this.#receivedAt = performance.now()
          resolve(message)
        },
        reject: (error) => {
          signal?.removeEventListener('abort', stop)
          reject(error)
        },
      }
      this.#waiters.push(waiter)
      signal?.addEventListener('abort', stop, { once: true })
    })
  }
}

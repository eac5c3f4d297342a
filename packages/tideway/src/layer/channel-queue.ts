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
 * The messages of a channel that nobody is attached to, until `receive()` takes them: first in, first out, to the
 * receivers in the order in which they asked. Bounded by a capacity and by the age of its messages.
 */
export class ChannelQueue implements ChannelReceiver {
  readonly #capacity: number
  readonly #expiryMs: number
  readonly #onExpired: (count: number) => void
  readonly #messages: QueuedMessage[] = []
  readonly #waiters: Waiter[] = []
  #receivedAt = 0
  #lostUnread = false

  /** @param onExpired is told how many messages were dropped because nobody took them in time */
  constructor(capacity: number, expiryMs: number, onExpired: (count: number) => void) {
    this.#capacity = capacity
    this.#expiryMs = expiryMs
    this.#onExpired = onExpired
  }

  /** Nothing waits and nobody waits: the queue can be forgotten. */
  get isIdle(): boolean {
    return this.#messages.length === 0 && this.#waiters.length === 0
  }

  /** Somebody waits for a message. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0
  }

  /** A message has expired, and nobody has asked for one since. */
  get isAbandoned(): boolean {
    return this.#lostUnread && !this.isAwaited
  }

  /** When somebody asked for a message for the last time, as `performance.now()` has it. */
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

  /** The next message, waited for until the signal aborts. */
  receive(signal?: AbortSignal): Promise<Message> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    this.dropExpired()
    this.#receivedAt = performance.now()
    this.#lostUnread = false
    const waiting = this.#messages.shift()
    return waiting === undefined ? this.#wait(signal) : Promise.resolve(waiting.message)
  }

  /** Drops the messages that are past their time. */
  dropExpired(): void {
    const now = performance.now()
    let expired = 0
    while (expired < this.#messages.length && this.#messages[expired]!.expiresAt <= now) expired++
    if (expired === 0) return
    this.#messages.splice(0, expired)
    this.#lostUnread = true
    this.#onExpired(expired)
  }

  /** Takes out every message that waits and is not past its time. */
  takeAll(): Message[] {
    this.dropExpired()
    return this.#messages.splice(0).map(({ message }) => message)
  }

  /** Ends every wait with the error. */
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
        // Whoever is off the list before the signal aborts has its answer: no message is lost to an abort.
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

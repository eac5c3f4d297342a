import type { ChannelReceiver, Delivery, Message } from './channel-layer.ts'

interface Waiter {
  readonly resolve: (message: Message) => void
}

/**
 * The messages of a channel that nobody is attached to, until `receive()` takes them: first in, first out, to the
 * receivers in the order in which they asked. Bounded by a capacity and by the age of its messages.
 */
export class ChannelQueue implements ChannelReceiver {
  readonly #capacity: number
  readonly #expiryMs: number
  readonly #onExpired: (count: number) => void
  readonly #messages: { readonly message: Message; readonly expiresAt: number }[] = []
  readonly #waiters: Waiter[] = []

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
    this.dropExpired()
    const waiting = this.#messages.shift()
    if (waiting !== undefined) return Promise.resolve(waiting.message)
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(signal!.reason as Error)
      }
      const waiter: Waiter = {
        resolve: (message) => {
          signal?.removeEventListener('abort', stop)
          resolve(message)
        },
      }
      this.#waiters.push(waiter)
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  /** Drops the messages that are past their time; returns how many. */
  dropExpired(): number {
    const now = performance.now()
    let expired = 0
    while (expired < this.#messages.length && this.#messages[expired]!.expiresAt <= now) expired++
    if (expired > 0) {
      this.#messages.splice(0, expired)
      this.#onExpired(expired)
    }
    return expired
  }
}

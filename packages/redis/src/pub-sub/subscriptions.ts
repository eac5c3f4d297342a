import type { Redis } from 'ioredis'

/** Names per SUBSCRIBE at a reconnect. */
const NAMES_PER_COMMAND = 1000

/** The channels and patterns of a subscriber connection, which survive its reconnects. */
export class Subscriptions {
  readonly #channels = new Set<string>()
  readonly #patterns = new Set<string>()
  /** The channels that the newest connection subscribed before it was up. */
  #restored: readonly string[] = []

  has(channel: string): boolean {
    return this.#channels.has(channel)
  }

  add(channel: string): void {
    this.#channels.add(channel)
  }

  delete(channel: string): void {
    this.#channels.delete(channel)
  }

  addPattern(pattern: string): boolean {
    if (this.#patterns.has(pattern)) return false
    this.#patterns.add(pattern)
    return true
  }

  clear(): void {
    this.#channels.clear()
  }

  channels(): Iterable<string> {
    return this.#channels
  }

  /** Subscribes all channels and patterns on a new connection. */
  async restore(client: Redis): Promise<void> {
    this.#restored = [...this.#channels]
    const replies: Promise<unknown>[] = []
    for (let start = 0; start < this.#restored.length; start += NAMES_PER_COMMAND) {
      replies.push(client.subscribe(...this.#restored.slice(start, start + NAMES_PER_COMMAND)))
    }
    if (this.#patterns.size > 0) replies.push(client.psubscribe(...this.#patterns))
    await Promise.all(replies)
  }

  /** Returns the channels that were removed while `restore` was running. */
  outdated(): readonly string[] {
    const outdated = this.#restored.filter((channel) => !this.#channels.has(channel))
    this.#restored = []
    return outdated
  }
}

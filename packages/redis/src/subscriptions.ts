import type { Redis } from 'ioredis'

/** Names in one SUBSCRIBE when all are subscribed again. */
const NAMES_A_COMMAND = 1000

/** The channels and patterns that a connection has to be subscribed to, over all its losses. */
export class Subscriptions {
  readonly #channels = new Set<string>()
  readonly #patterns = new Set<string>()
  /** What the newest connection was told before it counted as up. */
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

  /** Subscribes a new connection to everything. */
  async restore(client: Redis): Promise<void> {
    this.#restored = [...this.#channels]
    const replies: Promise<unknown>[] = []
    for (let start = 0; start < this.#restored.length; start += NAMES_A_COMMAND) {
      replies.push(client.subscribe(...this.#restored.slice(start, start + NAMES_A_COMMAND)))
    }
    if (this.#patterns.size > 0) replies.push(client.psubscribe(...this.#patterns))
    await Promise.all(replies)
  }

  /** What was unsubscribed while it was being restored. */
  outdated(): readonly string[] {
    const outdated = this.#restored.filter((channel) => !this.#channels.has(channel))
    this.#restored = []
    return outdated
  }
}

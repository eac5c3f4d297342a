import { setTimeout as delay } from 'node:timers/promises'

import type { Redis } from 'ioredis'

import type { RedisConnection } from './redis-connection.ts'
import { dropExpired } from './scripts/drop-expired.ts'

/** How long Redis holds back the answer when there is nothing, in milliseconds. */
export const READ_BLOCK_MS = 2000

/** Messages taken from the queue of the process in one step, at most. */
const DRAIN_BATCH = 500

/** Steps after which other queues get their turn, however much there is. */
const MAX_DRAIN_STEPS = 20

/** How long to wait before Redis is asked again to answer a reader that was not waiting yet, in milliseconds. */
const WAKE_AGAIN_MS = 2

/** The queues that are waited at, and where their messages go. */
export interface QueueSource {
  readonly expiryMs: number
  /** The queues of this process: all of them are drained. The first is the one that nearly everything comes in by. */
  processQueues(): readonly [string, ...string[]]
  /** The queues of general channels that somebody waits for now: one message of them is taken at a time. */
  generalQueues(): readonly string[]
  /** @param score the bytes of the score, with which the message could be put back where it was */
  message(queue: string, member: Buffer, score: Buffer): void
}

/**
 * Waits at the queues of one host, one step after the other: blocks until something is there, and takes all that has come
 * in for the process together with it. A message that was taken is handed over in the same turn, so none can be between.
 */
export class QueueReader {
  readonly #blocking: RedisConnection
  readonly #commands: RedisConnection
  readonly #source: QueueSource
  #clientId = 0
  #run = 0
  #step = 0
  #wakingStep = -1

  constructor(blocking: RedisConnection, commands: RedisConnection, source: QueueSource) {
    this.#blocking = blocking
    this.#commands = commands
    this.#source = source
  }

  async prepare(client: Redis): Promise<void> {
    this.#clientId = await client.client('ID').catch(() => 0)
  }

  start(): void {
    void this.#read(++this.#run)
  }

  /** Looks at once which queues there are to wait at. */
  wake(): void {
    if (!this.#blocking.isUp || this.#clientId === 0 || this.#wakingStep === this.#step) return
    this.#wakingStep = this.#step
    void this.#wake(this.#step)
  }

  async #read(run: number): Promise<void> {
    while (run === this.#run && this.#blocking.isUp) {
      this.#step++
      try {
        await this.#take(this.#blocking.client)
        this.#blocking.answered()
      } catch {
        // The connection is lost: the next one starts anew. Anything else would come again, so not at full speed.
        if (this.#blocking.isUp) await delay(100)
      }
    }
  }

  async #take(client: Redis): Promise<void> {
    const own = this.#source.processQueues()
    const general = this.#source.generalQueues()
    const seconds = READ_BLOCK_MS / 1000
    // Sent together. The general queues come first, since what is in the others is taken anyway.
    if (general.length > 0) dropExpired.run(client, general, [this.#source.expiryMs]).catch(() => {})
    const blocking = client.bzpopminBuffer(...general, ...own, seconds)
    const draining = client.zpopminBuffer(own[0], DRAIN_BATCH)
    // The connection may be lost between the two answers, and what the first one brought with it must not be.
    draining.catch(() => {})
    const first = await blocking
    if (first !== null) this.#source.message(first[0].toString('latin1'), first[1], first[2])
    let drained = await draining
    for (let steps = 0; drained.length === 2 * DRAIN_BATCH && steps < MAX_DRAIN_STEPS; steps++) {
      // There is more: Redis gets it ready while this process hands over what it has.
      const more = client.zpopminBuffer(own[0], DRAIN_BATCH)
      more.catch(() => {})
      this.#handAll(own[0], drained)
      drained = await more
    }
    this.#handAll(own[0], drained)
  }

  #handAll(queue: string, drained: readonly Buffer[]): void {
    for (let i = 0; i < drained.length; i += 2) this.#source.message(queue, drained[i]!, drained[i + 1]!)
  }

  async #wake(step: number): Promise<void> {
    // Redis may hear this before it hears the command that waits: then it has nobody to wake.
    while (step === this.#step && this.#blocking.isUp) {
      try {
        const woken = await this.#commands.command((client) => client.client('UNBLOCK', this.#clientId))
        if (woken === 1) return
      } catch {
        return
      }
      await delay(WAKE_AGAIN_MS)
    }
  }
}

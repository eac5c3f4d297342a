import { setTimeout as delay } from 'node:timers/promises'

import type { Redis } from 'ioredis'

import type { RedisConnection } from '../connection/redis-connection.ts'
import { dropExpired } from './scripts/drop-expired.ts'

/** How long Redis blocks if all queues are empty, in milliseconds. */
export const READ_BLOCK_MS = 2000

/** Maximum number of messages taken from the queue of the process in one step. */
const DRAIN_BATCH = 500

/** Maximum number of steps before other queues are read. */
const MAX_DRAIN_STEPS = 20

/** The pause before another CLIENT UNBLOCK if the reader was not blocked yet, in milliseconds. */
const WAKE_AGAIN_MS = 2

/** The queues to read, and the callback for their messages. */
export interface QueueSource {
  readonly expiryMs: number
  /** The queues of this process, which the reader drains. Nearly all messages arrive in the first. */
  processQueues(): readonly [string, ...string[]]
  /** The queues of general channels that have a receiver now. The reader takes one message at a time. */
  generalQueues(): readonly string[]
  /** @param score the bytes of the score, which puts the message back to its old position */
  onMessage(queue: string, member: Buffer, score: Buffer): void
}

/**
 * Reads the queues of one host in steps. Each step blocks until a message arrives, and takes all messages of the process
 * with it. Delivers each message synchronously after the reply, so that a closing layer loses none.
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

  /** Makes the reader block on the current list of queues at once. */
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
        // After a lost connection, the next one starts the reader again. Other errors may repeat, so pause before a retry.
        if (this.#blocking.isUp) await delay(100)
      }
    }
  }

  async #take(client: Redis): Promise<void> {
    const own = this.#source.processQueues()
    const general = this.#source.generalQueues()
    const seconds = READ_BLOCK_MS / 1000
    // All commands are sent together. General queues come first, because ZPOPMIN drains the other queue anyway.
    if (general.length > 0) dropExpired.run(client, general, [this.#source.expiryMs]).catch(() => {})
    const blocking = client.bzpopminBuffer(...general, ...own, seconds)
    const draining = client.zpopminBuffer(own[0], DRAIN_BATCH)
    // The connection may be lost between the two replies. The message of the first reply is still delivered.
    draining.catch(() => {})
    const first = await blocking
    if (first !== null) this.#source.onMessage(first[0].toString('latin1'), first[1], first[2])
    let drained = await draining
    for (let steps = 0; drained.length === 2 * DRAIN_BATCH && steps < MAX_DRAIN_STEPS; steps++) {
      // There is more: Redis prepares the next batch while this process delivers this one.
      const more = client.zpopminBuffer(own[0], DRAIN_BATCH)
      more.catch(() => {})
      this.#deliverAll(own[0], drained)
      drained = await more
    }
    this.#deliverAll(own[0], drained)
  }

  #deliverAll(queue: string, drained: readonly Buffer[]): void {
    for (let i = 0; i < drained.length; i += 2) this.#source.onMessage(queue, drained[i]!, drained[i + 1]!)
  }

  async #wake(step: number): Promise<void> {
    // Redis may receive UNBLOCK before the blocking command. Then it unblocks no client, and UNBLOCK has to be sent again.
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

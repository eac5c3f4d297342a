import type { PendingReceives } from '../layer/pending-receives.ts'
import type { PubSubEngine } from './pub-sub-engine.ts'
import { dequeue } from './scripts/dequeue.ts'
import { enqueueJob } from './scripts/enqueue-job.ts'
import { hold } from './scripts/hold.ts'
import { requeueJob } from './scripts/requeue-job.ts'

/** Maximum number of messages fetched from a queue at once. */
const BATCH = 100

/** The length of the score in front of each message of a queue. */
const POSITION_BYTES = 17

/** The interval at which queues are fetched without a wake-up and the listener role is renewed, in milliseconds. */
export const JOB_TICK_MS = 5000

/** The lease of the listener role, in milliseconds. */
const LISTENER_LEASE_MS = 3 * JOB_TICK_MS

/** Notifies the other processes of a channel that the listener role is free. */
const ROLE_IS_FREE: Buffer = Buffer.from('listen')

/** The pause after a receiver was full, in milliseconds. */
const FULL_PAUSE_MS = 50

/** The result of a delivery. A refused message is put back into the queue. */
export type JobDelivery = 'taken' | 'refused'

/** The settings of the queues, and the callbacks to their layer. */
export interface JobQueuesOptions {
  readonly prefix: string
  readonly processName: string
  readonly expiryMs: number
  readonly pendingReceives: PendingReceives
  /** Whether messages are also sent to, and received from, the Redis channel of the same name, as channels_redis does. */
  readonly sharesWithPython: boolean
  engineOf(name: string): PubSubEngine
  capacityOf(channel: string): number
  deliver(channel: string, bytes: Buffer): JobDelivery
  /** A message of channels_redis was dropped, because the queue is full or Redis is unreachable. */
  dropped(): void
}

interface JobChannel {
  readonly name: string
  readonly engine: PubSubEngine
  subscribed: boolean
  fetching: boolean
  fetchAgain: boolean
  wantedSinceTick: boolean
  isListener: boolean
}

/**
 * General channels of the pub/sub layer. Each message goes to one worker, where plain pub/sub would send it to all.
 * Messages wait in a queue in Redis. A message wakes the processes that have receivers, and each fetches as many as it has
 * receivers. With `sharesWithPython`, one process at a time also listens to the Redis channel of the same name, where
 * channels_redis publishes such messages, and puts them into the queue. That name has no prefix: every application on the
 * Redis uses it.
 */
export class JobQueues {
  readonly #options: JobQueuesOptions
  readonly #channels = new Map<string, JobChannel>()
  #tick: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: JobQueuesOptions) {
    this.#options = options
  }

  /** Resolves with `false` if the queue is full. */
  async send(channel: string, bytes: Buffer): Promise<boolean> {
    const engine = this.#options.engineOf(channel)
    return this.#enqueue(engine, channel, bytes, this.#options.sharesWithPython ? channel : '')
  }

  /** The number of receivers of the channel has changed. */
  receiversChanged(name: string): void {
    if (this.#isClosed || this.#options.pendingReceives.count(name) === 0) return
    const channel = this.#channels.get(name) ?? this.#add(name)
    channel.wantedSinceTick = true
    this.#fetch(channel)
  }

  /** Handles a message of a Redis channel. Returns `false` if the Redis channel does not belong to a queue. */
  onMessage(redisChannel: string, bytes: Buffer): boolean {
    const wakes = this.#wakePrefix()
    if (redisChannel.startsWith(wakes)) {
      const woken = this.#channels.get(redisChannel.slice(wakes.length, -1))
      if (woken === undefined) return true
      this.#fetch(woken)
      // A message that is not empty means that the listener role is free.
      if (bytes.length > 0) this.#listen(woken)
      return true
    }
    const channel = this.#channels.get(redisChannel)
    if (channel?.isListener !== true) return false
    this.#enqueue(channel.engine, redisChannel, bytes, '').then(
      (isQueued) => {
        if (!isQueued) this.#options.dropped()
      },
      () => this.#options.dropped(),
    )
    return true
  }

  /** Fetches from all queues, after a reconnect. */
  fetchAll(): void {
    for (const channel of this.#channels.values()) {
      this.#subscribe(channel)
      this.#fetch(channel)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#tick)
    await Promise.all(Array.from(this.#channels.values(), (channel) => this.#forget(channel)))
  }

  // The braces put all keys of one channel into one slot of a cluster.
  #queueKey(channel: string): string {
    return `${this.#options.prefix}:tideway:queue:{${channel}}`
  }

  #listenerKey(channel: string): string {
    return `${this.#options.prefix}:tideway:listener:{${channel}}`
  }

  #wakeChannel(channel: string): string {
    return `${this.#wakePrefix()}${channel}}`
  }

  #wakePrefix(): string {
    return `${this.#options.prefix}:tideway:wake:{`
  }

  async #enqueue(engine: PubSubEngine, channel: string, bytes: Buffer, pythonChannel: string): Promise<boolean> {
    const { expiryMs, capacityOf } = this.#options
    const keys = [this.#queueKey(channel), this.#listenerKey(channel)]
    const wake = engine.wireName(this.#wakeChannel(channel))
    const args = [expiryMs, bytes, capacityOf(channel), wake, engine.publishCommand, pythonChannel]
    return (await engine.run(enqueueJob, keys, args)) === 1
  }

  #add(name: string): JobChannel {
    const channel: JobChannel = {
      name,
      engine: this.#options.engineOf(name),
      subscribed: false,
      fetching: false,
      fetchAgain: false,
      wantedSinceTick: true,
      isListener: false,
    }
    this.#channels.set(name, channel)
    this.#tick ??= setInterval(() => this.#everyTick(), JOB_TICK_MS).unref()
    this.#subscribe(channel)
    this.#listen(channel)
    return channel
  }

  #subscribe(channel: JobChannel): void {
    if (channel.subscribed) return
    channel.subscribed = true
    channel.engine.subscribe(this.#wakeChannel(channel.name)).then(
      // A message queued before the subscription sent no wake-up to this process.
      () => this.#fetch(channel),
      () => {
        // Redis is unreachable. Subscribes again at the reconnect or at the next tick.
        channel.subscribed = false
      },
    )
  }

  #everyTick(): void {
    for (const channel of this.#channels.values()) {
      if (channel.wantedSinceTick || this.#options.pendingReceives.count(channel.name) > 0) {
        channel.wantedSinceTick = false
        this.#subscribe(channel)
        this.#fetch(channel)
        this.#listen(channel)
      } else {
        this.#channels.delete(channel.name)
        void this.#forget(channel)
      }
    }
  }

  async #forget(channel: JobChannel): Promise<void> {
    channel.engine.unsubscribe(this.#wakeChannel(channel.name))
    if (!channel.isListener) return
    channel.isListener = false
    channel.engine.unsubscribe(channel.name)
    try {
      await this.#hold(channel, 0)
      await channel.engine.publish(this.#wakeChannel(channel.name), ROLE_IS_FREE)
    } catch {
      // The lease expires.
    }
  }

  /** Takes or renews the role of the one process that listens for channels_redis. */
  #listen(channel: JobChannel): void {
    if (!this.#options.sharesWithPython) return
    this.#hold(channel, LISTENER_LEASE_MS)
      .then(async (holds) => {
        if (holds === channel.isListener || this.#isClosed) return
        channel.isListener = holds
        if (holds) await channel.engine.subscribe(channel.name)
        else channel.engine.unsubscribe(channel.name)
      })
      .catch(() => {
        // Retries at the next tick.
        channel.isListener = false
      })
  }

  async #hold(channel: JobChannel, leaseMs: number): Promise<boolean> {
    const args = [this.#options.processName, leaseMs]
    return (await channel.engine.run(hold, [this.#listenerKey(channel.name)], args)) === 1
  }

  /** Fetches messages for the receivers, one batch at a time. */
  #fetch(channel: JobChannel): void {
    channel.fetchAgain = true
    if (channel.fetching || this.#isClosed) return
    channel.fetching = true
    void this.#fetchWhileWanted(channel).finally(() => {
      channel.fetching = false
    })
  }

  async #fetchWhileWanted(channel: JobChannel): Promise<void> {
    const { pendingReceives, expiryMs } = this.#options
    while (channel.fetchAgain && !this.#isClosed) {
      channel.fetchAgain = false
      const wanted = Math.min(pendingReceives.count(channel.name), BATCH)
      if (wanted === 0) return
      let taken: Buffer[]
      try {
        taken = (await channel.engine.run(dequeue, [this.#queueKey(channel.name)], [expiryMs, wanted])) as Buffer[]
      } catch {
        // Fetches again at the reconnect.
        return
      }
      if (taken.length === 0) continue
      channel.fetchAgain = true
      if (await this.#deliverAll(channel, taken)) await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE_MS))
    }
  }

  /** Delivers the messages and puts refused ones back. Resolves with `true` if a message was put back. */
  async #deliverAll(channel: JobChannel, taken: readonly Buffer[]): Promise<boolean> {
    const refused: Buffer[] = []
    for (let i = 0; i < taken.length; i += 2) {
      const [member, score] = [taken[i]!, taken[i + 1]!]
      if (refused.length > 0 || this.#options.deliver(channel.name, member.subarray(POSITION_BYTES)) === 'refused') {
        refused.push(member, score)
      }
    }
    if (refused.length === 0) return false
    const { name, engine } = channel
    const wake = engine.wireName(this.#wakeChannel(name))
    const args = [this.#options.expiryMs, wake, engine.publishCommand, ...refused]
    await engine.run(requeueJob, [this.#queueKey(name)], args).catch(() => this.#options.dropped())
    return true
  }
}

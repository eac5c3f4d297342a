import type { Demand } from './demand.ts'
import type { PubSubEngine } from './pub-sub-engine.ts'
import { dequeue } from './scripts/dequeue.ts'
import { enqueueJob } from './scripts/enqueue-job.ts'
import { hold } from './scripts/hold.ts'
import { requeueJob } from './scripts/requeue-job.ts'

/** Messages taken from a queue at once, at most. */
const BATCH = 100

/** The score in front of each message of a queue. */
const POSITION_BYTES = 17

/** Every how many milliseconds queues are looked at without being woken, and the role of the listener is renewed. */
export const JOB_TICK_MS = 5000

/** How long the role of the listener outlives the process that has it, in milliseconds. */
const LISTENER_LEASE_MS = 3 * JOB_TICK_MS

/** Wakes the others of a channel to have one of them listen. */
const ROLE_IS_FREE: Buffer = Buffer.from('listen')

/** How long a receiver that is full is left alone, in milliseconds. */
const FULL_PAUSE_MS = 50

/** What became of a message that was handed over: `refused` is put back. */
export type HandOver = 'taken' | 'refused'

/** What the queues of general channels need of their layer. */
export interface JobQueuesOptions {
  readonly prefix: string
  readonly processName: string
  readonly expiryMs: number
  readonly demand: Demand
  /** Whether messages are also sent to, and received from, the Redis channel of the same name, as channels_redis does. */
  readonly sharesWithPython: boolean
  engineOf(name: string): PubSubEngine
  capacityOf(channel: string): number
  hand(channel: string, bytes: Buffer): HandOver
  /** A message of channels_redis for which the queue has no room. */
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
 * General channels of the pub/sub layer: work that one worker has to take, which pub/sub alone would give to every one.
 * Messages wait in a queue in Redis. A process that waits for one is woken and takes as many as are asked for, no more.
 * With `sharesWithPython`, one process at a time also listens to the Redis channel of the same name, where channels_redis
 * publishes such messages, and puts them into the queue. That name has no prefix: every application on the Redis uses it.
 */
export class JobQueues {
  readonly #options: JobQueuesOptions
  readonly #channels = new Map<string, JobChannel>()
  #tick: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: JobQueuesOptions) {
    this.#options = options
  }

  /** `false`: the queue is full. */
  async send(channel: string, bytes: Buffer): Promise<boolean> {
    const engine = this.#options.engineOf(channel)
    return this.#enqueue(engine, channel, bytes, this.#options.sharesWithPython ? channel : '')
  }

  /** Somebody began or ceased to wait for a message of the channel. */
  demandChanged(name: string): void {
    if (this.#isClosed || this.#options.demand.of(name) === 0) return
    const channel = this.#channels.get(name) ?? this.#add(name)
    channel.wantedSinceTick = true
    this.#fetch(channel)
  }

  /** Takes a message that came in on a Redis channel. `false`: the Redis channel is none of the queues'. */
  message(redisChannel: string, bytes: Buffer): boolean {
    const wakes = this.#wakePrefix()
    if (redisChannel.startsWith(wakes)) {
      const woken = this.#channels.get(redisChannel.slice(wakes.length, -1))
      if (woken === undefined) return true
      this.#fetch(woken)
      // Not only woken: the role is free.
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

  /** Looks into all queues, for after a reconnect. */
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

  // Everything of one channel is in one slot of a cluster.
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
      // What came in before the subscription wakes nobody, so it is looked for once more.
      () => this.#fetch(channel),
      () => {
        // The engine is gone: tried again when it is back, or at the next tick.
        channel.subscribed = false
      },
    )
  }

  #everyTick(): void {
    for (const channel of this.#channels.values()) {
      if (channel.wantedSinceTick || this.#options.demand.of(channel.name) > 0) {
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
      // The lease ends by itself.
    }
  }

  /** Becomes, or stays, the one process that listens for channels_redis. */
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
        // Tried again at the next tick.
        channel.isListener = false
      })
  }

  async #hold(channel: JobChannel, leaseMs: number): Promise<boolean> {
    const args = [this.#options.processName, leaseMs]
    return (await channel.engine.run(hold, [this.#listenerKey(channel.name)], args)) === 1
  }

  /** Takes from the queue what is asked for, one answer of Redis after the other. */
  #fetch(channel: JobChannel): void {
    channel.fetchAgain = true
    if (channel.fetching || this.#isClosed) return
    channel.fetching = true
    void this.#fetchWhileWanted(channel).finally(() => {
      channel.fetching = false
    })
  }

  async #fetchWhileWanted(channel: JobChannel): Promise<void> {
    const { demand, expiryMs } = this.#options
    while (channel.fetchAgain && !this.#isClosed) {
      channel.fetchAgain = false
      const wanted = Math.min(demand.of(channel.name), BATCH)
      if (wanted === 0) return
      let taken: Buffer[]
      try {
        taken = (await channel.engine.run(dequeue, [this.#queueKey(channel.name)], [expiryMs, wanted])) as Buffer[]
      } catch {
        // Looked for again when the engine is back.
        return
      }
      if (taken.length === 0) continue
      channel.fetchAgain = true
      if (await this.#handAll(channel, taken)) await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE_MS))
    }
  }

  /** Hands over what was taken and puts back what nobody took. `true`: some was put back. */
  async #handAll(channel: JobChannel, taken: readonly Buffer[]): Promise<boolean> {
    const refused: Buffer[] = []
    for (let i = 0; i < taken.length; i += 2) {
      const [member, score] = [taken[i]!, taken[i + 1]!]
      if (refused.length > 0 || this.#options.hand(channel.name, member.subarray(POSITION_BYTES)) === 'refused') {
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

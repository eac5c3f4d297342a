import { ChannelFullError, type GroupSendOptions, type Message } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import { parseHosts } from './host-address.ts'
import { HostGaps } from './host-gaps.ts'
import { JobQueues, type HandOver } from './job-queues.ts'
import { PubSubCluster } from './pub-sub-cluster.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import { PubSubHost } from './pub-sub-host.ts'
import { addressesOf, requireInterop, type RedisPubSubChannelLayerOptions } from './pub-sub-options.ts'
import { RedisLayer } from './redis-layer.ts'
import { literalPattern } from './remove-keys.ts'
import { shardOf } from './shard-hash.ts'
import { unavailable } from './unavailable.ts'
import {
  CHANNELS,
  EXCEPT,
  isPythonPubSubChannel,
  processOf,
  requireNoGroup,
  requireNoReserved,
  type ChannelKind,
} from './wire.ts'

/** The prefix of channel names that processes listen for from the beginning. */
const DEFAULT_CHANNEL_PREFIX = 'specific'

/**
 * A channel layer over Redis pub/sub: one PUBLISH a group send, whatever the size of the group, one subscription a
 * process and group. With `interop` it works together with `channels_redis.pubsub.RedisPubSubChannelLayer` of the same hosts
 * and prefix.
 * Messages of general channels wait in a queue, and one worker takes each. Needs Redis 5 or later.
 * @example
 * const layer = new RedisPubSubChannelLayer({ hosts: ['redis://localhost:6379'] })
 */
export class RedisPubSubChannelLayer extends RedisLayer {
  readonly #engines: readonly PubSubEngine[]
  readonly #gaps = new Map<PubSubEngine, HostGaps>()
  readonly #jobs: JobQueues
  /** The groups that are subscribed to or about to be, by their Redis channel. */
  readonly #groups = new Map<string, string>()
  /** The hosts where messages of channels_redis are received too: all, or none without `interop`. */
  readonly #pythonHosts: readonly PubSubHost[]
  /** The Redis channel of all channels of this process. */
  readonly #ownChannel: string

  constructor(options: RedisPubSubChannelLayerOptions = {}) {
    const evictable = { what: 'jobs that wait for a worker', level: 'warning' } as const
    super(options, 0, undefined, { addresses: addressesOf(options), evictable })
    this.#ownChannel = this.#processChannel(this.processName)
    const sharesWithPython = requireInterop(options)
    this.#engines = this.#makeEngines(options, sharesWithPython)
    this.#pythonHosts = sharesWithPython ? (this.#engines as readonly PubSubHost[]) : []
    this.#jobs = new JobQueues({
      prefix: this.prefix,
      processName: this.processName,
      expiryMs: this.expiryMs,
      demand: this.demand,
      sharesWithPython,
      engineOf: (name) => this.#engineOf(name),
      capacityOf: (channel) => this.capacityOf(channel),
      hand: (channel, bytes) => this.#handJob(channel, bytes),
      dropped: () => this.local.countDropped('full'),
    })
  }

  /** @internal */
  protected override kindOf(channel: string): ChannelKind {
    const kind = super.kindOf(channel)
    const isPython = kind === 'general' && this.#sharesWithPython && isPythonPubSubChannel(channel, this.prefix)
    return isPython ? 'python' : kind
  }

  get #sharesWithPython(): boolean {
    return this.#pythonHosts.length > 0
  }

  #makeEngines({ hosts, cluster }: RedisPubSubChannelLayerOptions, sharesWithPython: boolean): PubSubEngine[] {
    const { settings, events } = this
    const channels = [this.#gapChannel, this.#ownChannel]
    if (cluster === undefined) {
      const addresses = parseHosts(hosts)
      const own = shardOf(this.#ownChannel, addresses.length)
      return addresses.map((address, index) => {
        const subscriptions = {
          channels: index === own ? channels : [this.#gapChannel],
          patterns: sharesWithPython ? [this.#pattern(DEFAULT_CHANNEL_PREFIX)] : [],
          beacon: `${this.prefix}:tideway:beacon:${this.processName}`,
          isolatesDatabases: !sharesWithPython,
        }
        return this.#connect((listener) => new PubSubHost(address, subscriptions, settings, events, listener))
      })
    }
    if (hosts === undefined) {
      return [this.#connect((listener) => new PubSubCluster(cluster, channels, settings, events, listener))]
    }
    throw new TidewayError('ERR_BAD_OPTION', 'Give either hosts or cluster: a cluster does its own sharding.')
  }

  #connect(make: (listener: PubSubListener) => PubSubEngine): PubSubEngine {
    const engine = make({
      message: (channel, bytes) => this.#message(gaps, channel, bytes),
      up: () => this.#jobs.fetchAll(),
      missed: () => gaps.missed('all', 'disconnected'),
      demoted: () => gaps.dropped('all'),
    })
    const gaps = new HostGaps({
      host: engine.label,
      groups: () => [...this.#groups].filter(([name]) => this.#engineOf(name) === engine).map(([, group]) => group),
      has: (group) => this.#groups.has(this.#groupChannel(group)),
      report: this.reportGap,
      send: (note) => engine.publish(this.#gapChannel, this.codec.encode(note)),
    })
    this.#gaps.set(engine, gaps)
    return engine
  }

  /** A name for a new channel of this process. */
  override newChannel(prefix: string = DEFAULT_CHANNEL_PREFIX): string {
    const channel = super.newChannel(prefix)
    // Every host gets the pattern: the name of a channel selects one of them.
    for (const host of this.#pythonHosts) host.subscribePattern(this.#pattern(prefix)).catch(() => {})
    return channel
  }

  async ready(): Promise<void> {
    this.requireOpen()
    await Promise.all(this.#engines.map((engine) => engine.ready()))
  }

  protected get wasUp(): boolean {
    return this.#engines.every((engine) => engine.wasUp)
  }

  protected open(): void {
    for (const engine of this.#engines) engine.open()
  }

  protected reconnects(): number {
    return this.#engines.reduce((sum, engine) => sum + engine.reconnects, 0)
  }

  protected demandChanged(channel: string): void {
    this.#jobs.demandChanged(channel)
  }

  /** Adds a channel of this process to a group. Those of other processes cannot be added. */
  override async groupAdd(group: string, channel: string): Promise<void> {
    if (typeof channel === 'string' && ['tideway', 'python'].includes(this.kindOf(channel))) {
      throw new TidewayError(
        'ERR_BAD_NAME',
        `Channel "${channel}" is of another process: the pub/sub layer adds only channels of its own process to groups.`,
      )
    }
    await super.groupAdd(group, channel)
  }

  protected async sendToChannel(channel: string, message: Message): Promise<void> {
    requireNoReserved(message)
    switch (this.kindOf(channel)) {
      case 'own':
        return this.sendToOwn(channel, message, async (content) => {
          if ((await this.#publishTo(channel, content)) > 0) return true
          throw unavailable(
            this.#engineOf(this.#ownChannel).label,
            'does not have the subscriptions of this process at the moment',
          )
        })
      case 'tideway':
        await this.#publishTo(channel, message)
        return
      case 'python':
        requireNoGroup(channel, this.#groupPrefix)
        if (!this.#sharesWithPython) {
          throw new TidewayError(
            'ERR_BAD_NAME',
            `Channel "${channel}" is of a process of Django: give the layer interop: 'channels_redis' to send to it.`,
          )
        }
        await this.#publish(channel, this.codec.encode({ ...message }))
        return
      case 'general':
        requireNoGroup(channel, this.#groupPrefix)
        if (!(await this.#jobs.send(channel, this.codec.encode({ ...message })))) {
          this.local.countDropped('full')
          throw new ChannelFullError(channel)
        }
    }
  }

  protected async sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    requireNoReserved(message)
    const channel = this.#groupChannel(group)
    const content = except === undefined || except.length === 0 ? { ...message } : { ...message, [EXCEPT]: except }
    const bytes = this.codec.encode(content)
    const engine = this.#engineOf(channel)
    try {
      await engine.publish(channel, bytes)
    } catch (error) {
      if (!engine.wasUp) throw error
      this.local.countDropped('unavailable')
      engine.dropped()
      this.#gaps.get(engine)!.dropped([group])
    }
  }

  protected async groupEntered(group: string): Promise<void> {
    const channel = this.#groupChannel(group)
    this.#groups.set(channel, group)
    await this.#engineOf(channel).subscribe(channel)
  }

  protected async groupLeft(group: string): Promise<void> {
    const channel = this.#groupChannel(group)
    this.#groups.delete(channel)
    this.#engineOf(channel).unsubscribe(channel)
  }

  protected async flushEngine(): Promise<void> {
    for (const channel of this.#groups.keys()) this.#engineOf(channel).unsubscribe(channel)
    this.#groups.clear()
    const queues = `${literalPattern(this.prefix)}:tideway:queue:*`
    await Promise.all(this.#engines.map((engine) => engine.removeKeys(queues)))
  }

  protected async closeEngine(): Promise<void> {
    await this.#jobs.close()
    await Promise.all(Array.from(this.#gaps, ([{ isUp }, gaps]) => gaps.close(isUp)))
    await Promise.all(this.#engines.map((engine) => engine.close()))
    this.stopWaiting()
  }

  #engineOf(name: string): PubSubEngine {
    return this.#engines[shardOf(name, this.#engines.length)]!
  }

  #publish(channel: string, bytes: Buffer): Promise<number> {
    return this.#engineOf(channel).publish(channel, bytes)
  }

  /** Publishes to one channel of a process of tideway, which listens to one Redis channel for all of its own. */
  #publishTo(channel: string, content: Readonly<Record<string, unknown>>): Promise<number> {
    return this.#publish(
      this.#processChannel(processOf(channel)),
      this.codec.encode({ ...content, [CHANNELS]: channel }),
    )
  }

  /** The Redis channel by which processes tell each other of group sends that were dropped. */
  get #gapChannel(): string {
    return `${this.prefix}:tideway:gap`
  }

  #processChannel(process: string): string {
    return `${this.prefix}:tideway:process:${process}`
  }

  #groupChannel(group: string): string {
    return this.#groupPrefix + group
  }

  get #groupPrefix(): string {
    return `${this.prefix}__group__`
  }

  protected override requireReceivable(channel: unknown): void {
    if (typeof channel === 'string') requireNoGroup(channel, this.#groupPrefix)
    super.requireReceivable(channel)
  }

  #pattern(prefix: string): string {
    return `${prefix}.${this.processName}!*`
  }

  #message(gaps: HostGaps, redisChannel: string, bytes: Buffer): void {
    const group = this.#groups.get(redisChannel)
    if (group !== undefined) {
      const incoming = this.read(bytes, group)
      if (incoming !== undefined) this.handToGroup(group, incoming, incoming.except)
    } else if (redisChannel === this.#ownChannel) {
      const incoming = this.read(bytes, redisChannel)
      for (const channel of incoming?.channels ?? []) if (this.kindOf(channel) === 'own') this.hand(channel, incoming!)
    } else if (this.#sharesWithPython && this.kindOf(redisChannel) === 'own') {
      const incoming = this.read(bytes, redisChannel)
      if (incoming !== undefined) this.hand(redisChannel, incoming)
    } else if (redisChannel === this.#gapChannel) {
      const incoming = this.read(bytes, redisChannel)
      if (incoming !== undefined) gaps.receive(incoming.message)
    } else this.#jobs.message(redisChannel, bytes)
  }

  #handJob(channel: string, bytes: Buffer): HandOver {
    const incoming = this.read(bytes, channel)
    // What cannot be read is nobody's.
    if (incoming === undefined) return 'taken'
    if (!this.demand.take(channel)) return 'refused'
    return this.hand(channel, incoming) === 'full' ? 'refused' : 'taken'
  }
}

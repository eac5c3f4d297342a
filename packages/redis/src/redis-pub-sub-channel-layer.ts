import { ChannelFullError, nonLocalName, TidewayError, type GroupSendOptions, type Message } from 'tideway/layer'

import { parseCluster, parseHosts, type ClusterHost, type HostAddress } from './host-address.ts'
import { JobQueues, type HandOver } from './job-queues.ts'
import type { RedisLayerOptions } from './layer-options.ts'
import { PubSubCluster } from './pub-sub-cluster.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import { PubSubHost } from './pub-sub-host.ts'
import { RedisLayer } from './redis-layer.ts'
import { literalPattern } from './remove-keys.ts'
import { shardOf } from './shard-hash.ts'
import { unavailable } from './unavailable.ts'
import { CHANNELS, EXCEPT, isPythonPubSubChannel, processOf, requireNoReserved, type ChannelKind } from './wire.ts'

/** Options of {@link RedisPubSubChannelLayer}. */
export interface RedisPubSubChannelLayerOptions extends RedisLayerOptions {
  /**
   * A Redis Cluster of version 7 or later instead of `hosts`: sharded pub/sub is used. channels_redis knows no cluster,
   * so no process of Django is in its groups. @default none
   */
  readonly cluster?: ClusterHost | undefined
}

/** The prefix of channel names that processes listen for from the beginning. */
const DEFAULT_CHANNEL_PREFIX = 'specific'

/**
 * A channel layer over Redis pub/sub: one PUBLISH a group send, whatever the size of the group, one subscription a
 * process and group. In the same groups as `channels_redis.pubsub.RedisPubSubChannelLayer` of the same hosts and prefix.
 * Messages of general channels wait in a queue, and one worker takes each. Needs Redis 5 or later.
 * @example
 * const layer = new RedisPubSubChannelLayer({ hosts: ['redis://localhost:6379'] })
 */
export class RedisPubSubChannelLayer extends RedisLayer {
  readonly #engines: readonly PubSubEngine[]
  readonly #jobs: JobQueues
  /** The groups that are subscribed to or about to be, by their Redis channel. */
  readonly #groups = new Map<string, string>()
  /** What listens to channels of this process, by the prefix of their names; `undefined` once it does. */
  readonly #patterns = new Map<string, Promise<unknown> | undefined>()

  constructor(options: RedisPubSubChannelLayerOptions = {}) {
    const evictable = { what: 'jobs that wait for a worker', level: 'warning' } as const
    super(options, 0, undefined, { addresses: addressesOf(options), evictable })
    const listener = {
      message: (channel: string, bytes: Buffer) => this.#message(channel, bytes),
      up: () => this.#jobs.fetchAll(),
    }
    this.#engines = this.#makeEngines(options, listener)
    this.#jobs = new JobQueues({
      prefix: this.prefix,
      processName: this.processName,
      expiryMs: this.expiryMs,
      demand: this.demand,
      engineOf: (name) => this.#engineOf(name),
      capacityOf: (channel) => this.capacityOf(channel),
      hand: (channel, bytes) => this.#handJob(channel, bytes),
      dropped: () => this.local.countDropped('full'),
    })
    this.#patterns.set(DEFAULT_CHANNEL_PREFIX, undefined)
  }

  /** @internal */
  protected override kindOf(channel: string): ChannelKind {
    const kind = super.kindOf(channel)
    return kind === 'general' && isPythonPubSubChannel(channel, this.prefix) ? 'python' : kind
  }

  #makeEngines({ hosts, cluster }: RedisPubSubChannelLayerOptions, listener: PubSubListener): PubSubEngine[] {
    const { settings, events } = this
    if (cluster === undefined) {
      const patterns = [this.#pattern(DEFAULT_CHANNEL_PREFIX)]
      return parseHosts(hosts).map((address) => new PubSubHost(address, patterns, settings, events, listener))
    }
    if (hosts === undefined) {
      const channels = [this.#processChannel(this.processName)]
      return [new PubSubCluster(cluster, channels, settings, events, listener)]
    }
    throw new TidewayError('ERR_BAD_OPTION', 'Give either hosts or cluster: a cluster does its own sharding.')
  }

  /** A name for a new channel of this process. */
  override newChannel(prefix: string = DEFAULT_CHANNEL_PREFIX): string {
    const channel = super.newChannel(prefix)
    if (!this.#patterns.has(prefix)) this.#listenFor(prefix)
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
          const listening = this.#patterns.get(channel.slice(0, channel.indexOf(`.${this.processName}!`)))
          if (listening !== undefined) await listening
          if ((await this.#publishTo(channel, content)) > 0) return true
          throw unavailable(
            this.#engineOf(channel).label,
            'does not have the subscriptions of this process at the moment',
          )
        })
      case 'tideway':
      case 'python':
        await this.#publishTo(channel, { ...message })
        return
      case 'general':
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
    try {
      await this.#publish(channel, bytes)
    } catch (error) {
      if (!this.#engineOf(channel).wasUp) throw error
      this.local.countDropped('unavailable')
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
    await Promise.all(this.#engines.map((engine) => engine.close()))
    this.stopWaiting()
  }

  #engineOf(name: string): PubSubEngine {
    return this.#engines[shardOf(name, this.#engines.length)]!
  }

  #publish(channel: string, bytes: Buffer): Promise<number> {
    return this.#engineOf(channel).publish(channel, bytes)
  }

  /** Publishes to one channel of a process. A cluster has no patterns: there a process listens to one for all of its. */
  #publishTo(channel: string, content: Record<string, unknown>): Promise<number> {
    if (this.#engineOf(channel).hasPatterns) return this.#publish(channel, this.codec.encode(content))
    return this.#publish(
      this.#processChannel(processOf(channel)),
      this.codec.encode({ ...content, [CHANNELS]: channel }),
    )
  }

  #processChannel(process: string): string {
    return `${this.prefix}:tideway:process:${process}`
  }

  #groupChannel(group: string): string {
    return `${this.prefix}__group__${group}`
  }

  /** Every host gets the pattern: the name of a channel picks one of them. */
  #listenFor(prefix: string): void {
    const pattern = this.#pattern(prefix)
    const listening = Promise.all(this.#engines.map((engine) => engine.subscribePattern(pattern))).finally(() => {
      this.#patterns.set(prefix, undefined)
    })
    listening.catch(() => {})
    this.#patterns.set(prefix, listening)
  }

  #pattern(prefix: string): string {
    return `${prefix}.${this.processName}!*`
  }

  #message(redisChannel: string, bytes: Buffer): void {
    const group = this.#groups.get(redisChannel)
    if (group !== undefined) {
      const incoming = this.read(bytes, group)
      if (incoming !== undefined) this.handToGroup(group, incoming, incoming.except)
    } else if (nonLocalName(redisChannel).endsWith(`.${this.processName}!`)) {
      const incoming = this.read(bytes, redisChannel)
      if (incoming !== undefined) this.hand(redisChannel, incoming)
    } else if (redisChannel === this.#processChannel(this.processName)) {
      const incoming = this.read(bytes, redisChannel)
      for (const channel of incoming?.channels ?? []) this.hand(channel, incoming!)
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

/** Where its Redis are; of a cluster, the nodes that it was given. */
function addressesOf({ hosts, cluster }: RedisPubSubChannelLayerOptions): HostAddress[] {
  return cluster === undefined ? parseHosts(hosts) : parseCluster(cluster)
}

import { ChannelFullError, type GroupSendOptions, type Message } from 'tideway/layer'
import { KeptGroups, TidewayError } from 'tideway/layer/kit'

import { HostGaps } from '../layer/host-gaps.ts'
import type { RedisEventLog } from '../log/redis-event-log.ts'
import { DjangoEvents } from './django-events.ts'
import { JobQueues, type JobDelivery } from './job-queues.ts'
import { makeEngines } from './make-engines.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import type { PubSubHost } from './pub-sub-host.ts'
import { PubSubNames } from './pub-sub-names.ts'
import {
  addressesOf,
  requireDjangoEvents,
  requireInterop,
  type RedisPubSubChannelLayerOptions,
} from './pub-sub-options.ts'
import { RedisLayer } from '../layer/redis-layer.ts'
import { literalPattern } from '../connection/remove-keys.ts'
import { shardOf } from '../layer/shard-hash.ts'
import { unavailable } from '../connection/redis-errors.ts'
import {
  CHANNELS,
  EXCEPT,
  isPythonPubSubChannel,
  processOf,
  requireNoGroup,
  requireNoReserved,
  type ChannelKind,
} from '../layer/wire.ts'

/** The default prefix of channel names, whose pattern every process subscribes. */
const DEFAULT_CHANNEL_PREFIX = 'specific'

/**
 * A channel layer over Redis pub/sub: one PUBLISH per group send, regardless of the size of the group, and one subscription
 * per process and group. With `interop` it works together with `channels_redis.pubsub.RedisPubSubChannelLayer` of the same hosts
 * and prefix.
 * Messages of general channels wait in a queue, and one worker receives each. Requires Redis 5 or later.
 * @example
 * const layer = new RedisPubSubChannelLayer({ hosts: ['redis://localhost:6379'] })
 */
export class RedisPubSubChannelLayer extends RedisLayer {
  readonly #engines: readonly PubSubEngine[]
  readonly #gaps = new Map<PubSubEngine, HostGaps>()
  readonly #jobs: JobQueues
  /** @internal */
  protected readonly log: RedisEventLog
  override readonly keptGroups: KeptGroups
  /** The groups that are subscribed or being subscribed, by their Redis channel. */
  readonly #groups = new Map<string, string>()
  /** The hosts that also receive messages of channels_redis: all hosts with `interop`, otherwise none. */
  readonly #pythonHosts: readonly PubSubHost[]
  readonly #names: PubSubNames
  readonly #django: DjangoEvents

  constructor(options: RedisPubSubChannelLayerOptions = {}) {
    const evictable = { what: 'jobs that wait for a worker and the logs of kept groups', level: 'warning' } as const
    super(options, 0, undefined, { addresses: addressesOf(options), evictable })
    this.#names = new PubSubNames(this.prefix, this.processName)
    const sharesWithPython = requireInterop(options)
    const { gap, own, beacon } = this.#names
    const python = sharesWithPython ? this.#names.pattern(DEFAULT_CHANNEL_PREFIX) : undefined
    const names = { gap, own, beacon, python }
    this.#engines = makeEngines(options, names, this.settings, this.events, (make) => this.#connect(make))
    this.#pythonHosts = sharesWithPython ? (this.#engines as readonly PubSubHost[]) : []
    this.#jobs = new JobQueues({
      prefix: this.prefix,
      processName: this.processName,
      expiryMs: this.expiryMs,
      pendingReceives: this.pendingReceives,
      sharesWithPython,
      engineOf: (name) => this.#engineOf(name),
      capacityOf: (channel) => this.capacityOf(channel),
      deliver: (channel, bytes) => this.#deliverJob(channel, bytes),
      dropped: () => this.local.countDropped('full'),
    })
    const engineOf = (channel: string): PubSubEngine => this.#engineOf(channel)
    this.#django = new DjangoEvents({
      families: requireDjangoEvents(options),
      channelOf: (group) => this.#names.group(group),
      engineOf,
      hasMembers: (channel) => this.#groups.has(channel),
    })
    this.log = this.makeLog(engineOf, this.#django)
    this.keptGroups = new KeptGroups(this.log, options.keptGroups, this.keptGroupsListener)
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

  #connect(make: (listener: PubSubListener) => PubSubEngine): PubSubEngine {
    const engine = make({
      onMessage: (channel, bytes) => this.#onMessage(gaps, channel, bytes),
      onUp: () => this.#jobs.fetchAll(),
      onMissed: () => {
        gaps.missed('all', 'disconnected')
        this.log.missed()
      },
      onDemoted: () => {
        gaps.dropped('all')
        this.log.missed()
      },
    })
    const gaps = new HostGaps({
      host: engine.label,
      groups: () => [...this.#groups].filter(([name]) => this.#engineOf(name) === engine).map(([, group]) => group),
      has: (group) => this.#groups.has(this.#names.group(group)),
      report: this.reportGap,
      send: (note) => engine.publish(this.#names.gap, this.codec.encode(note)),
    })
    this.#gaps.set(engine, gaps)
    return engine
  }

  /** Returns a new channel name of this process. */
  override newChannel(prefix: string = DEFAULT_CHANNEL_PREFIX): string {
    const channel = super.newChannel(prefix)
    // Every host subscribes the pattern, because the name of the channel selects the host.
    for (const host of this.#pythonHosts) host.subscribePattern(this.#names.pattern(prefix)).catch(() => {})
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

  protected hostFigures(): { readonly reconnects: number; readonly beaconMisses: number } {
    return {
      reconnects: this.#engines.reduce((sum, engine) => sum + engine.reconnects, 0),
      beaconMisses: this.#engines.reduce((sum, engine) => sum + engine.beaconMisses, 0),
    }
  }

  protected receiversChanged(channel: string): void {
    this.#jobs.receiversChanged(channel)
  }

  /** Adds a channel of this process to a group. Rejects a channel of another process. */
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
            this.#engineOf(this.#names.own).label,
            'does not have the subscriptions of this process at the moment',
          )
        })
      case 'tideway':
        await this.#publishTo(channel, message)
        return
      case 'python':
        requireNoGroup(channel, this.#names.groupPrefix)
        if (!this.#sharesWithPython) {
          throw new TidewayError(
            'ERR_BAD_NAME',
            `Channel "${channel}" is of a process of Django: give the layer interop: 'channels_redis' to send to it.`,
          )
        }
        await this.#publish(channel, this.codec.encode({ ...message }))
        return
      case 'general':
        requireNoGroup(channel, this.#names.groupPrefix)
        if (!(await this.#jobs.send(channel, this.codec.encode({ ...message })))) {
          this.local.countDropped('full')
          throw new ChannelFullError(channel)
        }
    }
  }

  protected async sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    requireNoReserved(message)
    const channel = this.#names.group(group)
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
    const channel = this.#names.group(group)
    this.#groups.set(channel, group)
    await this.#engineOf(channel).subscribe(channel)
  }

  protected async groupLeft(group: string): Promise<void> {
    const channel = this.#names.group(group)
    this.#groups.delete(channel)
    if (!this.#django.has(channel)) this.#engineOf(channel).unsubscribe(channel)
  }

  protected async flushEngine(): Promise<void> {
    const channels = [...this.#groups.keys()].filter((channel) => !this.#django.has(channel))
    for (const channel of channels) this.#engineOf(channel).unsubscribe(channel)
    this.#groups.clear()
    const patterns = [`${literalPattern(this.prefix)}:tideway:queue:*`, ...this.log.keyPatterns()]
    await Promise.all(this.#engines.flatMap((engine) => patterns.map((pattern) => engine.removeKeys(pattern))))
    this.log.missed()
  }

  protected async closeEngine(): Promise<void> {
    this.log.releaseAll()
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

  /** Publishes to one channel of a process of tideway, which has one Redis channel for all its channels. */
  #publishTo(channel: string, content: Readonly<Record<string, unknown>>): Promise<number> {
    return this.#publish(
      this.#names.process(processOf(channel)),
      this.codec.encode({ ...content, [CHANNELS]: channel }),
    )
  }

  protected override requireReceivable(channel: unknown): void {
    if (typeof channel === 'string') requireNoGroup(channel, this.#names.groupPrefix)
    super.requireReceivable(channel)
  }

  #onMessage(gaps: HostGaps, redisChannel: string, bytes: Buffer): void {
    const group = this.#groups.get(redisChannel)
    const kept = this.#django.groupOf(redisChannel)
    if (group !== undefined || kept !== undefined) {
      const incoming = this.decode(bytes, group ?? redisChannel)
      if (incoming === undefined) return
      if (group !== undefined) this.deliverToGroup(group, incoming, incoming.except)
      if (kept !== undefined) this.log.onDjangoMessage(kept, incoming.message)
    } else if (redisChannel === this.#names.own) {
      const incoming = this.decode(bytes, redisChannel)
      for (const channel of incoming?.channels ?? [])
        if (this.kindOf(channel) === 'own') this.deliver(channel, incoming!)
    } else if (this.#sharesWithPython && this.kindOf(redisChannel) === 'own') {
      const incoming = this.decode(bytes, redisChannel)
      if (incoming !== undefined) this.deliver(redisChannel, incoming)
    } else if (redisChannel === this.#names.gap) {
      const incoming = this.decode(bytes, redisChannel)
      if (incoming !== undefined) gaps.receive(incoming.message)
    } else if (!this.log.onMessage(redisChannel, bytes)) this.#jobs.onMessage(redisChannel, bytes)
  }

  #deliverJob(channel: string, bytes: Buffer): JobDelivery {
    const incoming = this.decode(bytes, channel)
    // A malformed message is dropped.
    if (incoming === undefined) return 'taken'
    if (!this.pendingReceives.take(channel)) return 'refused'
    return this.deliver(channel, incoming) === 'full' ? 'refused' : 'taken'
  }
}

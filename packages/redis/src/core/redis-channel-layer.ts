import { ChannelFullError, type GroupSendOptions, type Message } from 'tideway/layer'
import { KeptGroups, nonLocalName, requireChannelName, requireGroupName, requireWholeNumber } from 'tideway/layer/kit'

import { CoreHost } from './core-host.ts'
import { parseHosts } from '../connection/host-address.ts'
import { GapNoteSender } from './gap-note-sender.ts'
import { addressGroupMessage, type QueuedMessage } from './group-message.ts'
import type { RedisLayerOptions } from '../layer/layer-options.ts'
import { LogHosts } from './log-hosts.ts'
import type { RedisEventLog } from '../log/redis-event-log.ts'
import { HostGaps } from '../layer/host-gaps.ts'
import { Memberships, shortestSilence } from './memberships.ts'
import { RedisLayer } from '../layer/redis-layer.ts'
import { literalPattern } from '../connection/remove-keys.ts'
import { enqueue } from './scripts/enqueue.ts'
import { groupAdd } from './scripts/group-add.ts'
import { groupMembers } from './scripts/group-members.ts'
import { leave } from './scripts/leave.ts'
import { requeue } from './scripts/requeue.ts'
import { MAX_WAITING_SENDS, SendOrder } from './send-order.ts'
import { shardOf } from '../layer/shard-hash.ts'
import { unavailable } from '../connection/redis-errors.ts'
import { CHANNELS, isProcessQueue, requireNoReserved } from '../layer/wire.ts'

/** Options of {@link RedisChannelLayer}. */
export interface RedisChannelLayerOptions extends RedisLayerOptions {
  /**
   * Random bytes in front of each message, the same number as in channels_redis (`random_prefix_length`).
   * @default 12
   */
  readonly randomPrefixLength?: number | undefined
  /**
   * Maximum number of messages in the queue of a process of tideway, which the process drains continuously. Each of its
   * consumers has its own capacity. @default 10000
   */
  readonly processCapacity?: number | undefined
  /** How long a process may be silent before others remove it from its groups, in milliseconds. @default 30000 */
  readonly leaseMs?: number | undefined
}

/** The pause after a receiver of a general channel was full, in milliseconds. */
const FULL_PAUSE_MS = 50

/** Additional capacity of the queue of a process, reserved for gap notes. */
const NOTE_CAPACITY = 1000

/** Maximum number of general channels that the layer remembers for `flush`. */
const MAX_KNOWN_CHANNELS = 10_000

interface Host {
  readonly redis: CoreHost
  readonly memberships: Memberships
  readonly gaps: HostGaps
}

/**
 * A channel layer over queues in Redis, in the same groups as `channels_redis.core.RedisChannelLayer` of the same hosts
 * and prefix, for fleets with Django processes that use it. A process is one member of each of its groups, so that a
 * group send costs one message per process. Requires Redis 5 or later; Redis Cluster is not supported.
 * @example
 * const layer = new RedisChannelLayer({ hosts: ['redis://localhost:6379'] })
 */
export class RedisChannelLayer extends RedisLayer {
  readonly #hosts: readonly Host[]
  readonly #order = new SendOrder()
  readonly #processCapacity: number
  /** The queues of this process: one per prefix of `newChannel`. */
  readonly #queues: [string, ...string[]]
  readonly #paused = new Set<string>()
  readonly #known = new Set<string>()
  readonly #gapNotes = new GapNoteSender((queue, note) => this.#enqueueNote(queue, note))
  readonly #sendHeartbeats: () => void
  readonly #heartbeatIntervalMs: number
  #heartbeatTimer: NodeJS.Timeout | undefined
  readonly #logHosts: LogHosts
  /** @internal */
  protected readonly log: RedisEventLog
  override readonly keptGroups: KeptGroups

  constructor(options: RedisChannelLayerOptions = {}) {
    const randomPrefix = requireWholeNumber('randomPrefixLength', options.randomPrefixLength ?? 12, 1024)
    const addresses = parseHosts(options.hosts)
    const evictable = { what: 'groups, messages that wait and the logs of kept groups', level: 'problem' } as const
    super(options, randomPrefix, (options.expiry ?? 60) + 10, { addresses, evictable })
    this.#processCapacity = requireWholeNumber('processCapacity', options.processCapacity ?? 10_000)
    const leaseMs = requireWholeNumber('leaseMs', options.leaseMs ?? 30_000)
    const { prefix, processName, groupExpiryMs } = this
    this.#queues = [`${prefix}specific.${processName}!`]
    this.#hosts = addresses.map((address) => {
      const { expiryMs } = this
      const removed = (): void => gaps.missed('all', 'removed')
      const memberships = new Memberships({ prefix, processName, groupExpiryMs, leaseMs, expiryMs, removed })
      const gaps: HostGaps = new HostGaps({
        host: address.label,
        groups: () => memberships.groups(),
        has: (group) => memberships.has(group),
        report: this.reportGap,
        send: async (note) => {
          const queues = await memberships.processQueues((...run) => redis.run(...run))
          await this.#gapNotes.sendTo(queues, note)
        },
      })
      const redis = new CoreHost(address, this.settings, this.events, {
        expiryMs,
        processQueues: () => this.#queues,
        generalQueues: () => this.#generalQueues(),
        onMessage: (queue, member, score) => this.#onMessage(host, queue, member, score),
        restore: (client) => {
          // A process without groups sends heartbeats too, because they remove the groups of dead processes.
          this.#heartbeatTimer ??= setInterval(this.#sendHeartbeats, this.#heartbeatIntervalMs).unref()
          return memberships.restore(client)
        },
        onMissed: () => gaps.missed('all', 'disconnected'),
        onDemoted: () => gaps.dropped('all'),
      })
      const host: Host = { redis, memberships, gaps }
      return host
    })
    this.#logHosts = new LogHosts({
      addresses,
      settings: this.settings,
      beacon: `${prefix}:tideway:beacon:${processName}`,
      onMessage: (channel, bytes) => void this.log.onMessage(channel, bytes),
      onMissed: () => this.log.missed(),
    })
    this.log = this.makeLog((channel) => this.#logHosts.of(channel))
    this.keptGroups = new KeptGroups(this.log, options.keptGroups, this.keptGroupsListener)
    this.#heartbeatIntervalMs = Math.min(leaseMs, groupExpiryMs, shortestSilence(this.expiryMs)) / 3
    this.#sendHeartbeats = () => {
      for (const { redis, memberships } of this.#hosts) {
        // The lease is renewed at the reconnect if Redis is unreachable now.
        if (redis.isUp) memberships.heartbeat((...run) => redis.run(...run)).catch(() => {})
      }
    }
  }

  /** Returns a new channel name of this process. */
  override newChannel(prefix?: string): string {
    const channel = super.newChannel(prefix)
    const queue = this.prefix + nonLocalName(channel)
    if (!this.#queues.includes(queue)) {
      this.#queues.push(queue)
      for (const { redis } of this.#hosts) redis.queuesChanged()
    }
    return channel
  }

  async ready(): Promise<void> {
    this.requireOpen()
    await Promise.all(this.#hosts.map(({ redis }) => redis.ready()))
  }

  protected get wasUp(): boolean {
    return this.#hosts.every(({ redis }) => redis.wasUp)
  }

  protected open(): void {
    for (const { redis } of this.#hosts) redis.open()
  }

  protected hostFigures(): { readonly reconnects: number; readonly beaconMisses: number } {
    const reconnects = this.#hosts.reduce((sum, { redis }) => sum + redis.reconnects, 0)
    return { reconnects, beaconMisses: this.#logHosts.beaconMisses }
  }

  protected receiversChanged(channel: string): void {
    if (this.pendingReceives.count(channel) === 0) return
    // channels_redis uses the hosts in turn for general channels, so every host may have messages.
    for (const { redis } of this.#hosts) redis.queuesChanged()
  }

  /** Adds a channel of this process locally, and any other channel in Redis, as channels_redis does. */
  override async groupAdd(group: string, channel: string): Promise<void> {
    if (typeof channel !== 'string' || this.kindOf(channel) === 'own') return super.groupAdd(group, channel)
    this.requireOpen()
    requireGroupName(group)
    requireChannelName(channel)
    await this.#host(group).redis.run(groupAdd, [this.#groupKey(group)], [this.groupExpiryMs, channel])
  }

  /** Removes a channel from a group, also if another process added it. */
  override async groupDiscard(group: string, channel: string): Promise<void> {
    await super.groupDiscard(group, channel)
    // A Django process may have added a channel of this process by its name. The caller does not wait for this removal.
    const keys = [this.#groupKey(group), `${this.prefix}:tideway:groups:${this.processName}`]
    const removed = this.#host(group).redis.run(leave, keys, [group, channel])
    if (this.kindOf(channel) === 'own') removed.catch(() => {})
    else await removed
  }

  protected async sendToChannel(channel: string, message: Message): Promise<void> {
    requireNoReserved(message)
    const kind = this.kindOf(channel)
    if (kind === 'own') {
      return this.sendToOwn(channel, message, (content) => this.#enqueue(channel, { ...content, [CHANNELS]: channel }))
    }
    if (kind === 'general') this.#remember(channel)
    const content = kind === 'general' ? { ...message } : { ...message, [CHANNELS]: channel }
    if (await this.#enqueue(channel, content)) return
    this.local.countDropped('full')
    throw new ChannelFullError(channel)
  }

  protected async sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    requireNoReserved(message)
    const { redis } = this.#host(group)
    if (this.#order.isFull) {
      this.#drop(group, 'full')
      return
    }
    try {
      const members = redis.run(groupMembers, [this.#groupKey(group)], [this.groupExpiryMs])
      await this.#order.after(members, (names) => this.#sendToMembers(group, names as Buffer[], message, except))
    } catch (error) {
      if (!redis.wasUp || !isUnavailable(error)) throw error
      this.#drop(group, 'unavailable')
    }
  }

  protected async groupEntered(group: string): Promise<void> {
    const { redis, memberships } = this.#host(group)
    await memberships.enter(group, (...run) => redis.run(...run))
  }

  protected async groupLeft(group: string): Promise<void> {
    const { redis, memberships } = this.#host(group)
    const left = memberships.leave(group, (...run) => redis.run(...run)).catch(() => {})
    // Without Redis the caller does not wait: a reconnect writes only the current groups.
    if (redis.isUp) await left
  }

  protected async flushEngine(): Promise<void> {
    const prefix = literalPattern(this.prefix)
    // Only keys that certainly belong to this prefix: "asgi2" begins with "asgi" too.
    const patterns = [`${prefix}:group:*`, `${prefix}:tideway:*`, `${prefix}specific.*`]
    const keys = [...this.#known, ...this.pendingReceives.channels()].map((channel) => this.prefix + channel)
    for (const { memberships } of this.#hosts) memberships.clear()
    await Promise.all(this.#hosts.map(({ redis }) => redis.removeKeys(patterns, [...keys, ...this.#queues])))
    this.settleOwnSends()
    this.log.missed()
  }

  protected async closeEngine(): Promise<void> {
    this.log.releaseAll()
    clearInterval(this.#heartbeatTimer)
    await this.#logHosts.close()
    this.#gapNotes.close()
    await Promise.all(this.#hosts.map(({ redis, gaps }) => gaps.close(redis.isUp)))
    await Promise.all(
      this.#hosts.map(({ redis, memberships }) =>
        redis.close(() => memberships.end(this.#queues, (...run) => redis.run(...run))),
      ),
    )
    this.stopWaiting()
  }

  #host(name: string): Host {
    return this.#hosts[shardOf(name, this.#hosts.length)]!
  }

  #groupKey(group: string): string {
    return `${this.prefix}:group:${group}`
  }

  #remember(channel: string): void {
    if (this.#known.size >= MAX_KNOWN_CHANNELS) this.#known.clear()
    this.#known.add(channel)
  }

  /** The queue of a channel: the one that channels_redis reads, which is not always the one that it writes to. */
  #queueOf(channel: string): { readonly name: string; readonly capacity: number } {
    const kind = this.kindOf(channel)
    if (kind === 'general') return { name: channel, capacity: this.capacityOf(channel) }
    const capacity = kind === 'python' ? this.capacityOf(channel) : this.#processCapacity
    return { name: nonLocalName(channel), capacity }
  }

  /** Resolves with `false` if the queue is full. */
  async #enqueue(channel: string, content: Record<string, unknown>): Promise<boolean> {
    const { name, capacity } = this.#queueOf(channel)
    const bytes = this.codec.encode(content)
    const { redis } = this.#host(name)
    if (this.#order.isFull)
      throw unavailable(redis.label, `has ${MAX_WAITING_SENDS} unanswered sends: await some of them`)
    const full = await this.#order.send(() =>
      redis.run(enqueue, [this.prefix + name], [this.expiryMs, bytes, capacity]),
    )
    return (full as unknown[]).length === 0
  }

  async #sendToMembers(
    group: string,
    names: readonly Buffer[],
    message: Message,
    except: GroupSendOptions['except'],
  ): Promise<void> {
    const members = names.map((name) => name.toString('latin1'))
    const queued = addressGroupMessage(members, message, except, (channel) => this.#queueOf(channel))
    const hosts = new Map<CoreHost, QueuedMessage[]>()
    for (const one of queued) {
      const { redis } = this.#host(one.queue)
      const batch = hosts.get(redis)
      if (batch === undefined) hosts.set(redis, [one])
      else batch.push(one)
    }
    const full = await Promise.all(Array.from(hosts, ([redis, batch]) => this.#enqueueAll(redis, batch)))
    for (const queue of full.flat()) {
      this.local.countDropped('full')
      if (isProcessQueue(queue)) this.#gapNotes.queueWasFull(queue, group)
    }
  }

  /** Resolves with the queues that were full. */
  async #enqueueAll(redis: CoreHost, batch: readonly QueuedMessage[]): Promise<string[]> {
    const keys = batch.map(({ queue }) => this.prefix + queue)
    const args = batch.flatMap(({ content, capacity }) => [this.codec.encode(content), capacity])
    const full = (await redis.run(enqueue, keys, [this.expiryMs, ...args])) as number[]
    return full.map((position) => batch[position - 1]!.queue)
  }

  #drop(group: string, reason: 'full' | 'unavailable'): void {
    const { redis, gaps } = this.#host(group)
    this.local.countDropped(reason)
    redis.dropped()
    gaps.dropped([group])
  }

  /** Resolves with `false` if the queue does not even have the room reserved for notes. */
  async #enqueueNote(queue: string, note: Record<string, unknown>): Promise<boolean> {
    const args = [this.expiryMs, this.codec.encode(note), this.#processCapacity + NOTE_CAPACITY]
    const full = (await this.#host(queue).redis.run(enqueue, [this.prefix + queue], args)) as unknown[]
    return full.length === 0
  }

  #generalQueues(): string[] {
    const queues: string[] = []
    for (const channel of this.pendingReceives.channels())
      if (!this.#paused.has(channel)) queues.push(this.prefix + channel)
    // Redis reads the first queue that is not empty, so a random rotation serves all of them.
    if (queues.length > 1) queues.push(...queues.splice(0, Math.floor(Math.random() * queues.length)))
    return queues
  }

  #onMessage(host: Host, queue: string, member: Buffer, score: Buffer): void {
    if (this.#queues.includes(queue)) this.#deliverProcessMessage(queue, member)
    else this.#deliverGeneralMessage(host.redis, queue, member, score)
  }

  #deliverProcessMessage(queue: string, member: Buffer): void {
    const incoming = this.decode(member, queue)
    if (incoming === undefined) return
    const { channels, except } = incoming
    if (channels.length === 0) {
      // The queue may be on another host than the groups, so every host checks for its own groups.
      for (const { gaps } of this.#hosts) gaps.receive(incoming.message)
      return
    }
    const groups: string[] = []
    const direct: string[] = []
    for (const channel of channels) {
      const group = this.#groupOf(channel)
      if (group !== undefined) groups.push(group)
      else if (this.kindOf(channel) === 'own' && !channel.includes('!g.')) direct.push(channel)
    }
    // A member that another process added by its name is in the group twice. It receives the message once.
    const skipped = direct.length === 0 ? except : [...except, ...direct]
    for (const group of groups) this.deliverToGroup(group, incoming, skipped)
    for (const channel of direct) if (!except.includes(channel)) this.deliver(channel, incoming)
  }

  #groupOf(alias: string): string | undefined {
    for (const { memberships } of this.#hosts) {
      const group = memberships.groupOf(alias)
      if (group !== undefined) return group
    }
    return undefined
  }

  #deliverGeneralMessage(redis: CoreHost, queue: string, member: Buffer, score: Buffer): void {
    const channel = queue.slice(this.prefix.length)
    const incoming = this.decode(member, channel)
    if (incoming === undefined) return
    if (this.pendingReceives.take(channel)) {
      if (this.deliver(channel, incoming) !== 'full') return
      this.#pause(channel)
    }
    redis.run(requeue, [queue], [this.expiryMs, member, score]).catch(() => this.local.countDropped('unavailable'))
  }

  #pause(channel: string): void {
    this.#paused.add(channel)
    setTimeout(() => {
      this.#paused.delete(channel)
      this.receiversChanged(channel)
    }, FULL_PAUSE_MS).unref()
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_LAYER_UNAVAILABLE'
}

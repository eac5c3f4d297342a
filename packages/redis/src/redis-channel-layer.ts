import {
  ChannelFullError,
  nonLocalName,
  requireChannelName,
  requireGroupName,
  type GroupSendOptions,
  type Message,
} from 'tideway/layer'

import { CoreHost } from './core-host.ts'
import { parseHosts } from './host-address.ts'
import { addressGroupMessage, type QueuedMessage } from './group-message.ts'
import { positiveOption, type RedisLayerOptions } from './layer-options.ts'
import { Memberships } from './memberships.ts'
import { RedisLayer } from './redis-layer.ts'
import { literalPattern } from './remove-keys.ts'
import { enqueue } from './scripts/enqueue.ts'
import { groupAdd } from './scripts/group-add.ts'
import { groupMembers } from './scripts/group-members.ts'
import { leave } from './scripts/leave.ts'
import { requeue } from './scripts/requeue.ts'
import { MAX_WAITING_SENDS, SendOrder } from './send-order.ts'
import { shardOf } from './shard-hash.ts'
import { unavailable } from './unavailable.ts'
import { CHANNELS, requireNoReserved } from './wire.ts'

/** Options of {@link RedisChannelLayer}. */
export interface RedisChannelLayerOptions extends RedisLayerOptions {
  /**
   * Random bytes in front of each message, the same number as in channels_redis (`random_prefix_length`).
   * @default 12
   */
  readonly randomPrefixLength?: number | undefined
  /**
   * The most messages that wait for a whole process of tideway, which drains them all the time: each of its consumers has
   * a capacity of its own. @default 10000
   */
  readonly processCapacity?: number | undefined
  /** How long a process may be silent before the others take it out of its groups, in milliseconds. @default 30000 */
  readonly leaseMs?: number | undefined
}

/** How long a receiver of a general channel that is full is left alone, in milliseconds. */
const FULL_PAUSE_MS = 50

/** Names of general channels that `flush` remembers. */
const MAX_KNOWN_CHANNELS = 10_000

interface Host {
  readonly redis: CoreHost
  readonly memberships: Memberships
}

/**
 * A channel layer over queues in Redis, in the same groups as `channels_redis.core.RedisChannelLayer` of the same hosts
 * and prefix: for fleets with processes of Django that use it. A process is one member of each of its groups, so that a
 * group send costs as many messages as there are processes. Needs Redis 5 or later; Redis Cluster is not supported.
 * @example
 * const layer = new RedisChannelLayer({ hosts: ['redis://localhost:6379'] })
 */
export class RedisChannelLayer extends RedisLayer {
  readonly #hosts: readonly Host[]
  readonly #order = new SendOrder()
  readonly #processCapacity: number
  /** The queues of this process: one for each prefix that `newChannel` was given. */
  readonly #queues: [string, ...string[]]
  readonly #paused = new Set<string>()
  readonly #known = new Set<string>()
  readonly #beat: () => void
  readonly #beatEveryMs: number
  #beats: NodeJS.Timeout | undefined

  constructor(options: RedisChannelLayerOptions = {}) {
    const randomPrefix = positiveOption('randomPrefixLength', options.randomPrefixLength ?? 12, 1024)
    const addresses = parseHosts(options.hosts)
    const evictable = { what: 'groups and messages that wait', level: 'problem' } as const
    super(options, randomPrefix, (options.expiry ?? 60) + 10, { addresses, evictable })
    this.#processCapacity = positiveOption('processCapacity', options.processCapacity ?? 10_000)
    const leaseMs = positiveOption('leaseMs', options.leaseMs ?? 30_000)
    const { prefix, processName, groupExpiryMs } = this
    this.#queues = [`${prefix}specific.${processName}!`]
    this.#hosts = addresses.map((address) => {
      const memberships = new Memberships({ prefix, processName, groupExpiryMs, leaseMs })
      const redis = new CoreHost(address, this.settings, this.events, {
        expiryMs: this.expiryMs,
        processQueues: () => this.#queues,
        generalQueues: () => this.#generalQueues(),
        message: (queue, member, score) => this.#message(redis, queue, member, score),
        restore: (client) => memberships.restore(client),
      })
      return { redis, memberships }
    })
    this.#beatEveryMs = Math.min(leaseMs, groupExpiryMs) / 3
    this.#beat = () => {
      for (const { redis, memberships } of this.#hosts) {
        // Without Redis there is nothing to do: it is made up for when it is back.
        if (redis.isUp) memberships.beat((...run) => redis.run(...run)).catch(() => {})
      }
    }
  }

  /** A name for a new channel of this process. */
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

  protected reconnects(): number {
    return this.#hosts.reduce((sum, { redis }) => sum + redis.reconnects, 0)
  }

  protected demandChanged(channel: string): void {
    if (this.demand.of(channel) === 0) return
    // channels_redis takes one host after the other for them.
    for (const { redis } of this.#hosts) redis.queuesChanged()
  }

  /** A channel of this process joins here; any other one is added in Redis, as channels_redis does it. */
  override async groupAdd(group: string, channel: string): Promise<void> {
    if (typeof channel !== 'string' || this.kindOf(channel) === 'own') return super.groupAdd(group, channel)
    this.requireOpen()
    requireGroupName(group)
    requireChannelName(channel)
    await this.#host(group).redis.run(groupAdd, [this.#groupKey(group)], [this.groupExpiryMs, channel])
  }

  /** Takes a channel out of a group, also one that another process put there. */
  override async groupDiscard(group: string, channel: string): Promise<void> {
    await super.groupDiscard(group, channel)
    // A process of Django may have added a channel of ours by its name; nobody waits for that to be undone.
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
      this.local.countDropped('full')
      return
    }
    try {
      const members = redis.run(groupMembers, [this.#groupKey(group)], [this.groupExpiryMs])
      await this.#order.after(members, (names) => this.#sendToMembers(names as Buffer[], message, except))
    } catch (error) {
      if (!redis.wasUp || !isUnavailable(error)) throw error
      this.local.countDropped('unavailable')
    }
  }

  protected async groupEntered(group: string): Promise<void> {
    const { redis, memberships } = this.#host(group)
    this.#beats ??= setInterval(this.#beat, this.#beatEveryMs).unref()
    await memberships.enter(group, (...run) => redis.run(...run))
  }

  protected async groupLeft(group: string): Promise<void> {
    const { redis, memberships } = this.#host(group)
    // Where Redis is gone, this is made up for when it is back.
    await memberships.leave(group, (...run) => redis.run(...run)).catch(() => {})
  }

  protected async flushEngine(): Promise<void> {
    const prefix = literalPattern(this.prefix)
    // Only what belongs to this prefix for sure: "asgi2" begins with "asgi" as well.
    const patterns = [`${prefix}:group:*`, `${prefix}:tideway:*`, `${prefix}specific.*`]
    const keys = [...this.#known, ...this.demand.channels()].map((channel) => this.prefix + channel)
    for (const { memberships } of this.#hosts) memberships.clear()
    await Promise.all(this.#hosts.map(({ redis }) => redis.removeKeys(patterns, [...keys, ...this.#queues])))
    this.settleOwnSends()
  }

  protected async closeEngine(): Promise<void> {
    clearInterval(this.#beats)
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

  /** The queue of a channel, and where it is: what channels_redis reads, which is not always what it writes to. */
  #queueOf(channel: string): { readonly name: string; readonly capacity: number } {
    const kind = this.kindOf(channel)
    if (kind === 'general') return { name: channel, capacity: this.capacityOf(channel) }
    const capacity = kind === 'python' ? this.capacityOf(channel) : this.#processCapacity
    return { name: nonLocalName(channel), capacity }
  }

  /** `false`: the queue is full. */
  async #enqueue(channel: string, content: Record<string, unknown>): Promise<boolean> {
    const { name, capacity } = this.#queueOf(channel)
    const bytes = this.codec.encode(content)
    const { redis } = this.#host(name)
    if (this.#order.isFull)
      throw unavailable(redis.label, `has ${MAX_WAITING_SENDS} sends to answer: await some of them`)
    const full = await this.#order.send(() =>
      redis.run(enqueue, [this.prefix + name], [this.expiryMs, bytes, capacity]),
    )
    return (full as unknown[]).length === 0
  }

  async #sendToMembers(names: readonly Buffer[], message: Message, except: GroupSendOptions['except']): Promise<void> {
    const members = names.map((name) => name.toString('latin1'))
    const queued = addressGroupMessage(members, message, except, (channel) => this.#queueOf(channel))
    const hosts = new Map<CoreHost, QueuedMessage[]>()
    for (const one of queued) {
      const { redis } = this.#host(one.queue)
      const batch = hosts.get(redis)
      if (batch === undefined) hosts.set(redis, [one])
      else batch.push(one)
    }
    await Promise.all(Array.from(hosts, ([redis, batch]) => this.#enqueueAll(redis, batch)))
  }

  async #enqueueAll(redis: CoreHost, batch: readonly QueuedMessage[]): Promise<void> {
    const keys = batch.map(({ queue }) => this.prefix + queue)
    const args = batch.flatMap(({ content, capacity }) => [this.codec.encode(content), capacity])
    const full = (await redis.run(enqueue, keys, [this.expiryMs, ...args])) as unknown[]
    if (full.length > 0) this.local.countDropped('full', full.length)
  }

  #generalQueues(): string[] {
    const queues: string[] = []
    for (const channel of this.demand.channels()) if (!this.#paused.has(channel)) queues.push(this.prefix + channel)
    // Redis serves the first that has something: all of them get their turn.
    if (queues.length > 1) queues.push(...queues.splice(0, Math.floor(Math.random() * queues.length)))
    return queues
  }

  #message(redis: CoreHost, queue: string, member: Buffer, score: Buffer): void {
    if (this.#queues.includes(queue)) this.#processMessage(queue, member)
    else this.#generalMessage(redis, queue, member, score)
  }

  #processMessage(queue: string, member: Buffer): void {
    const incoming = this.read(member, queue)
    if (incoming === undefined) return
    const { channels, except } = incoming
    const groups: string[] = []
    const direct: string[] = []
    for (const channel of channels) {
      const group = this.#groupOf(channel)
      if (group !== undefined) groups.push(group)
      else if (this.kindOf(channel) === 'own' && !channel.includes('!g.')) direct.push(channel)
    }
    // A member that another process added by its name is in the group twice, and gets the message once.
    const passedOver = direct.length === 0 ? except : [...except, ...direct]
    for (const group of groups) this.handToGroup(group, incoming, passedOver)
    for (const channel of direct) if (!except.includes(channel)) this.hand(channel, incoming)
  }

  #groupOf(tag: string): string | undefined {
    for (const { memberships } of this.#hosts) {
      const group = memberships.groupOf(tag)
      if (group !== undefined) return group
    }
    return undefined
  }

  #generalMessage(redis: CoreHost, queue: string, member: Buffer, score: Buffer): void {
    const channel = queue.slice(this.prefix.length)
    const incoming = this.read(member, channel)
    if (incoming === undefined) return
    if (this.demand.take(channel)) {
      if (this.hand(channel, incoming) !== 'full') return
      this.#pause(channel)
    }
    redis.run(requeue, [queue], [this.expiryMs, member, score]).catch(() => this.local.countDropped('unavailable'))
  }

  #pause(channel: string): void {
    this.#paused.add(channel)
    setTimeout(() => {
      this.#paused.delete(channel)
      this.demandChanged(channel)
    }, FULL_PAUSE_MS).unref()
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_LAYER_UNAVAILABLE'
}

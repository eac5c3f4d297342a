import { ChannelFullError, type GroupSendOptions, type Message } from 'tideway/layer'
import { nonLocalName, requireChannelName, requireGroupName } from 'tideway/layer/kit'

import { CoreHost } from './core-host.ts'
import { parseHosts } from './host-address.ts'
import { GapNotes, type Groups } from './gap-notes.ts'
import { addressGroupMessage, type QueuedMessage } from './group-message.ts'
import { positiveOption, type RedisLayerOptions } from './layer-options.ts'
import { gapNote, HostGaps } from './host-gaps.ts'
import { Memberships, shortestSilence } from './memberships.ts'
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
import { CHANNELS, isProcessQueue, requireNoReserved } from './wire.ts'

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

/** Notes of gaps that find room in the queue of a process that is full. */
const NOTE_CAPACITY = 1000

/** Names of general channels that `flush` remembers. */
const MAX_KNOWN_CHANNELS = 10_000

interface Host {
  readonly redis: CoreHost
  readonly memberships: Memberships
  readonly gaps: HostGaps
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
  /** Group messages that the full queues of other processes did not take, by queue. */
  readonly #full = new Map<string, GapNotes>()
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
      const { expiryMs } = this
      const removed = (): void => gaps.missed('all', 'removed')
      const memberships = new Memberships({ prefix, processName, groupExpiryMs, leaseMs, expiryMs, removed })
      const gaps: HostGaps = new HostGaps({
        host: address.label,
        groups: () => memberships.groups(),
        has: (group) => memberships.has(group),
        report: this.reportGap,
        send: (note) => this.#sendNote(host, note),
      })
      const redis = new CoreHost(address, this.settings, this.events, {
        expiryMs,
        processQueues: () => this.#queues,
        generalQueues: () => this.#generalQueues(),
        message: (queue, member, score) => this.#message(host, queue, member, score),
        restore: (client) => {
          // Also in a process without groups: it removes what processes that died have left.
          this.#beats ??= setInterval(this.#beat, this.#beatEveryMs).unref()
          return memberships.restore(client)
        },
        missed: () => gaps.missed('all', 'disconnected'),
        demoted: () => gaps.dropped('all'),
      })
      const host: Host = { redis, memberships, gaps }
      return host
    })
    this.#beatEveryMs = Math.min(leaseMs, groupExpiryMs, shortestSilence(this.expiryMs)) / 3
    this.#beat = () => {
      for (const { redis, memberships } of this.#hosts) {
        // Without Redis there is nothing to do: the lease is renewed when it is back.
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
    // Without Redis the caller does not wait: only what the process is in then is written when Redis is back.
    if (redis.isUp) await left
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
    for (const notes of this.#full.values()) notes.close()
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
      if (isProcessQueue(queue)) this.#noteFull(queue, [group])
    }
  }

  /** Returns the queues that were full. */
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

  /** Tells all processes of tideway on a host of messages that this process dropped. */
  async #sendNote({ redis, memberships }: Host, note: Record<string, unknown>): Promise<void> {
    const queues = await memberships.processQueues((...run) => redis.run(...run))
    await Promise.all(queues.map((queue) => this.#enqueueNote(queue, note)))
  }

  /** Tells one process of messages for which its queue had no room. */
  #noteFull(queue: string, groups: Groups): void {
    const notes =
      this.#full.get(queue) ??
      new GapNotes(async (untold) => {
        await this.#enqueueNote(queue, gapNote(untold))
        if (notes.isEmpty) this.#full.delete(queue)
      })
    this.#full.set(queue, notes)
    notes.add(groups)
  }

  /** @throws Error when the queue does not even have the room that only notes may use */
  async #enqueueNote(queue: string, note: Record<string, unknown>): Promise<void> {
    const args = [this.expiryMs, this.codec.encode(note), this.#processCapacity + NOTE_CAPACITY]
    const full = (await this.#host(queue).redis.run(enqueue, [this.prefix + queue], args)) as unknown[]
    if (full.length > 0) throw new ChannelFullError(queue)
  }

  #generalQueues(): string[] {
    const queues: string[] = []
    for (const channel of this.demand.channels()) if (!this.#paused.has(channel)) queues.push(this.prefix + channel)
    // Redis serves the first that has something: all of them get their turn.
    if (queues.length > 1) queues.push(...queues.splice(0, Math.floor(Math.random() * queues.length)))
    return queues
  }

  #message(host: Host, queue: string, member: Buffer, score: Buffer): void {
    if (this.#queues.includes(queue)) this.#processMessage(queue, member)
    else this.#generalMessage(host.redis, queue, member, score)
  }

  #processMessage(queue: string, member: Buffer): void {
    const incoming = this.read(member, queue)
    if (incoming === undefined) return
    const { channels, except } = incoming
    if (channels.length === 0) {
      // The queue may be on another host than the groups: each host takes what is its own.
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

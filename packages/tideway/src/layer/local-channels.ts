import { MAX_TIMER_MS } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelReceiver, Delivery, DropReason, GroupSendOptions, Message } from './channel-layer.ts'
import { ChannelQueue } from './channel-queue.ts'
import { DetachedNames } from './detached-names.ts'
import { ChannelFullError } from './errors.ts'
import { LocalGroups, noGroups, type LocalChannel, type LocalGroup } from './local-groups.ts'

/** Options of {@link LocalChannels}. */
export interface LocalChannelsOptions {
  /** How long a message is queued at a channel without an attached receiver, in milliseconds. */
  readonly expiryMs: number
  /** How long a channel without a receiver stays in a group after it was added, in milliseconds. */
  readonly groupExpiryMs: number
  /** Returns the maximum of queued messages of a channel. */
  readonly capacityOf: (channel: string) => number
  /** Called when the last member of a group in this process expired. @default none */
  readonly onGroupEmptied?: ((group: string) => void) | undefined
}

/** Maximum channels with a queue. A queue exists until it is idle. */
export const MAX_QUEUES = 10_000

const MIN_SWEEP_MS = 10

/**
 * The channels and groups of this process, for every layer: the attached receivers, the members of groups, and the queues
 * behind `receive()`. Independent of other processes.
 */
export class LocalChannels {
  readonly #options: LocalChannelsOptions
  readonly #channels = new Map<string, LocalChannel>()
  readonly #groups = new LocalGroups()
  readonly #queued = new Set<LocalChannel>()
  readonly #detached = new DetachedNames()
  readonly #dropped: Record<DropReason, number> = {
    full: 0,
    expired: 0,
    unhandled: 0,
    unavailable: 0,
    malformed: 0,
  }
  #delivered = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(options: LocalChannelsOptions) {
    this.#options = options
  }

  /** Messages that receivers took, attached or by `receive()`: one per receiver. */
  get delivered(): number {
    return this.#delivered
  }

  /** How many messages were dropped, by reason. */
  get dropped(): Readonly<Record<DropReason, number>> {
    return this.#dropped
  }

  /** The number of channels with a receiver, queued messages, or a group. */
  get channelCount(): number {
    return this.#channels.size
  }

  /** The number of groups with a member in this process. */
  get groupCount(): number {
    return this.#groups.size
  }

  /** Adds to the counter of dropped messages, for drops outside this class. */
  countDropped(reason: DropReason, count = 1): void {
    this.#dropped[reason] += count
  }

  /** Whether the channel has a receiver or a queue. */
  has(name: string): boolean {
    return this.#channels.has(name)
  }

  /** The names of the groups with a member in this process. */
  groupNames(): Iterable<string> {
    return this.#groups.names
  }

  /** Whether the channel has an attached receiver or a pending `receive()`. */
  isWanted(name: string): boolean {
    const channel = this.#channels.get(name)
    return channel !== undefined && (channel.queue === undefined || channel.queue.isAwaited)
  }

  /** The channels with an attached receiver or a pending `receive()`. */
  wantedChannels(): string[] {
    return [...this.#channels.keys()].filter((name) => this.isWanted(name))
  }

  /** Whether the group has a member in this process. */
  hasGroup(name: string): boolean {
    return this.#groups.get(name) !== undefined
  }

  /** The names of the channel's groups. */
  groupsOf(name: string): readonly string[] {
    return this.#channels.get(name)?.groups.map((group) => group.name) ?? []
  }

  /**
   * Attaches the receiver to the channel, and delivers the queued messages before it returns.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` if the channel has a receiver or a pending `receive()`
   */
  attach(name: string, receiver: ChannelReceiver): void {
    const existing = this.#channels.get(name)
    if (existing === undefined)
      return void this.#channels.set(name, { name, receiver, queue: undefined, groups: noGroups })
    const { queue } = existing
    if (queue === undefined || queue.isAwaited) {
      throw taken(`Channel "${name}" has a receiver already: take a name from newChannel().`)
    }
    existing.receiver = receiver
    existing.queue = undefined
    this.#forgetQueue(existing)
    for (const message of queue.takeAll()) this.#handOver(existing, message)
  }

  /** Removes the receiver or the queued messages. Returns the groups whose last member the channel was. */
  detach(name: string): string[] {
    // A name without "!" belongs to every process.
    if (name.includes('!')) this.#detached.add(name)
    const channel = this.#channels.get(name)
    if (channel === undefined) return []
    if (channel.queue === undefined) this.#channels.delete(name)
    else channel.queue.takeAll()
    const emptied = this.#groups.removeFromAll(channel)
    this.#forgetIfIdle(channel)
    return emptied
  }

  /** Whether the channel is a detached one of this process: its consumer has ended. */
  isDetached(name: string): boolean {
    // The name of a channel that is attached again stays: to remove it would cost each new channel two searches.
    return !this.isWanted(name) && this.#detached.has(name)
  }

  /** Adds the channel, with a queue if it has no receiver. Returns `true` for the group's first member in this process. */
  join(groupName: string, channelName: string): boolean {
    return this.#groups.add(groupName, this.#channels.get(channelName) ?? this.#addQueue(channelName))
  }

  /** Removes the channel. Returns `true` if it was the group's last member in this process. */
  leave(groupName: string, channelName: string): boolean {
    const group = this.#groups.get(groupName)
    const channel = this.#channels.get(channelName)
    if (group === undefined || channel === undefined) return false
    const isEmptied = this.#groups.remove(group, channel)
    this.#forgetIfIdle(channel)
    return isEmptied
  }

  /** Removes every member of the group. */
  disband(groupName: string): void {
    const group = this.#groups.get(groupName)
    if (group === undefined) return
    for (const channel of group.members.keys()) {
      this.#groups.remove(group, channel)
      this.#forgetIfIdle(channel)
    }
  }

  /** Delivers the message to the receiver of the channel, or to a queue if it has none. */
  deliver(channelName: string, message: Message): Delivery {
    return this.#handOver(this.#channels.get(channelName) ?? this.#addQueue(channelName), message)
  }

  /**
   * Delivers the message to every member of the group except the given channels. If a receiver throws, the others still get
   * the message; the first error is thrown at the end.
   */
  fanOut(groupName: string, message: Message, except?: GroupSendOptions['except']): void {
    const group = this.#groups.get(groupName)
    if (group === undefined) return
    const excepted = except === undefined ? undefined : this.#localOf(except)
    const { lastJoin } = this.#groups
    let failure: { readonly error: unknown } | undefined
    for (const channel of group.members.keys()) {
      // A handler can add members during the loop, and a Map iterates over those too. Looks a member up in that case only.
      if (this.#groups.lastJoin !== lastJoin && group.members.get(channel)! > lastJoin) continue
      if (excepted !== undefined && (excepted === channel || (excepted instanceof Set && excepted.has(channel))))
        continue
      if (channel.queue !== undefined && this.#dropIfStale(channel, channel.queue, group)) continue
      try {
        this.#handOver(channel, message)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
  }

  /** Returns the next message of the channel's queue. */
  async receive(channelName: string, signal?: AbortSignal): Promise<Message> {
    this.#detached.delete(channelName)
    const channel = this.#channels.get(channelName) ?? this.#addQueue(channelName)
    const { queue } = channel
    if (queue === undefined) throw taken(`Channel "${channelName}" has a receiver: its messages are pushed there.`)
    try {
      const message = await queue.receive(signal)
      this.#delivered++
      return message
    } finally {
      this.#forgetIfIdle(channel)
    }
  }

  /** Puts a message of `receive()` back that was not used, before all others and beyond the capacity. */
  putBack(channelName: string, message: Message): void {
    const channel = this.#channels.get(channelName) ?? this.#addQueue(channelName)
    channel.queue?.putBack(message)
  }

  /** Deletes every group and every queued message. Receivers stay attached; pending `receive()` calls keep waiting. */
  clear(): void {
    this.#groups.clear()
    for (const channel of this.#queued) {
      channel.queue!.takeAll()
      this.#forgetIfIdle(channel)
    }
  }

  /** Does what {@link clear} does, and rejects every pending `receive()` with the error. */
  close(error: unknown): void {
    for (const channel of this.#queued) channel.queue!.rejectWaiting(error)
    this.clear()
  }

  #handOver(channel: LocalChannel, message: Message): Delivery {
    const delivery = channel.receiver.deliver(message)
    if (delivery !== 'delivered') this.#dropped[delivery]++
    else if (channel.queue === undefined) this.#delivered++
    return delivery
  }

  /** The excepted channels as objects, which are cheaper to compare than names. */
  #localOf(except: string | readonly string[]): LocalChannel | Set<LocalChannel> | undefined {
    if (typeof except === 'string') return this.#channels.get(except)
    const channels = except.map((name) => this.#channels.get(name)).filter((channel) => channel !== undefined)
    return channels.length > 1 ? new Set(channels) : channels[0]
  }

  #addQueue(name: string): LocalChannel {
    if (this.#queued.size >= MAX_QUEUES) {
      throw new ChannelFullError(
        name,
        `${MAX_QUEUES} channels without a receiver are in use, so receive from them, or stop sending to names without a receiver`,
      )
    }
    const { capacityOf, expiryMs, groupExpiryMs } = this.#options
    const queue = new ChannelQueue(capacityOf(name), expiryMs, (count) => this.countDropped('expired', count))
    const channel: LocalChannel = { name, receiver: queue, queue, groups: noGroups }
    this.#channels.set(name, channel)
    this.#queued.add(channel)
    const sweepMs = Math.min(Math.max(Math.min(expiryMs, groupExpiryMs) / 2, MIN_SWEEP_MS), MAX_TIMER_MS)
    this.#sweep ??= setInterval(() => this.#sweepQueues(), sweepMs).unref()
    return channel
  }

  #sweepQueues(): void {
    for (const channel of this.#queued) {
      const queue = channel.queue!
      queue.dropExpired()
      // A channel without a reader leaves its groups, as in Channels.
      if (queue.isAbandoned)
        this.#groups.removeFromAll(channel).forEach((group) => this.#options.onGroupEmptied?.(group))
      for (const group of channel.groups.slice()) this.#dropIfStale(channel, queue, group)
      this.#forgetIfIdle(channel)
    }
  }

  #forgetIfIdle(channel: LocalChannel): void {
    if (channel.queue === undefined || !channel.queue.isIdle || channel.groups.length > 0) return
    if (this.#channels.get(channel.name) !== channel) return
    this.#channels.delete(channel.name)
    this.#forgetQueue(channel)
  }

  #forgetQueue(channel: LocalChannel): void {
    this.#queued.delete(channel)
    if (this.#queued.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  /** Removes the channel from the group if it was neither added nor received from within `groupExpiryMs`. */
  #dropIfStale(channel: LocalChannel, queue: ChannelQueue, group: LocalGroup): boolean {
    const addedAt = queue.addedAt.get(group.name)!
    if (performance.now() - Math.max(addedAt, queue.servedAt) < this.#options.groupExpiryMs) return false
    if (this.#groups.remove(group, channel)) this.#options.onGroupEmptied?.(group.name)
    return true
  }
}

const taken = (message: string): TidewayError => new TidewayError('ERR_CHANNEL_TAKEN', message)

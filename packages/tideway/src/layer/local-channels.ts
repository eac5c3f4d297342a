import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelReceiver, Delivery, DropReason, GroupSendOptions, Message } from './channel-layer.ts'
import { ChannelQueue } from './channel-queue.ts'
import { ChannelFullError } from './errors.ts'
import { LocalGroups, noGroups, type LocalChannel, type LocalGroup, type Membership } from './local-groups.ts'

/** What the channels of this process are kept by. */
export interface LocalChannelsOptions {
  /** How long a message waits at a channel that nobody is attached to, in milliseconds. */
  readonly expiryMs: number
  /** How long a channel that nobody serves stays in a group after it was added, in milliseconds. */
  readonly groupExpiryMs: number
  /** The most messages that may wait at a channel. */
  readonly capacityOf: (channel: string) => number
  /** Told when a group lost its last member here to old age, and not to a call. @default nothing is told */
  readonly onGroupEmptied?: ((group: string) => void) | undefined
}

/** Channels with a queue that may exist at once; the next one is refused. A queue lives until it is idle. */
export const MAX_QUEUES = 10_000

/**
 * Channels that are remembered after they were detached, the last ones. A consumer that ends may have code running that
 * still adds its channel to a group; it would be a member that nothing takes out again.
 */
export const MAX_DETACHED = 10_000

const MIN_SWEEP_MS = 10
/** What a timer of Node can hold. */
const MAX_SWEEP_MS = 2 ** 31 - 1

/**
 * The channels and groups that live in this process, which every layer needs alike: who is attached to which channel,
 * who is in which group, and the queues behind `receive()`. Knows nothing of other processes.
 */
export class LocalChannels {
  readonly #options: LocalChannelsOptions
  readonly #channels = new Map<string, LocalChannel>()
  readonly #groups = new LocalGroups()
  readonly #queued = new Set<LocalChannel>()
  readonly #detached = new Set<string>()
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

  /** Messages that a receiver took, pushed or waiting: one a receiver. */
  get delivered(): number {
    return this.#delivered
  }

  /** How many messages were dropped, by reason. */
  get dropped(): Readonly<Record<DropReason, number>> {
    return this.#dropped
  }

  /** How many channels are known here: somebody is attached to them, they have messages, or they are in a group. */
  get channelCount(): number {
    return this.#channels.size
  }

  /** How many groups have a member in this process. */
  get groupCount(): number {
    return this.#groups.size
  }

  /** Counts messages that were dropped outside this class. */
  countDropped(reason: DropReason, count = 1): void {
    this.#dropped[reason] += count
  }

  /** Whether somebody is attached to, or has a queue for, the channel. */
  has(name: string): boolean {
    return this.#channels.has(name)
  }

  /** The names of the groups that have a member here. */
  groupNames(): Iterable<string> {
    return this.#groups.names
  }

  /** Whether the group has a member in this process. */
  hasGroup(name: string): boolean {
    return this.#groups.get(name) !== undefined
  }

  /** Whether the channel is a member of the group in this process. */
  isMember(groupName: string, channelName: string): boolean {
    const channel = this.#channels.get(channelName)
    return channel !== undefined && this.#groups.get(groupName)?.members.has(channel) === true
  }

  /**
   * Pushes the messages of the channel to the receiver from now on, those that wait already before this returns.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` when somebody is attached to the channel already, or waits in `receive()`
   */
  attach(name: string, receiver: ChannelReceiver): void {
    const existing = this.#channels.get(name)
    this.#detached.delete(name)
    if (existing === undefined) {
      this.#channels.set(name, { name, receiver, queue: undefined, groups: noGroups })
      return
    }
    const { queue } = existing
    if (queue === undefined || queue.isAwaited) {
      throw taken(`Channel "${name}" has a receiver already: take a name from newChannel().`)
    }
    existing.receiver = receiver
    existing.queue = undefined
    this.#forgetQueue(existing)
    for (const message of queue.takeAll()) this.#handOver(existing, message)
  }

  /** Forgets the receiver, or what waits for one; returns the groups that the channel was the last member of. */
  detach(name: string): string[] {
    // A name without "!" belongs to every process.
    if (name.includes('!')) this.#rememberDetached(name)
    const channel = this.#channels.get(name)
    if (channel === undefined) return []
    if (channel.queue === undefined) this.#channels.delete(name)
    else channel.queue.takeAll()
    const emptied = this.#groups.removeFromAll(channel)
    this.#forgetIfIdle(channel)
    return emptied
  }

  /** Whether the channel was one of this process and was detached: its consumer has ended. */
  isDetached(name: string): boolean {
    return this.#detached.has(name)
  }

  /** Adds the channel, which gets a queue where nobody is attached. `true`: it is the group's first member here. */
  join(groupName: string, channelName: string): boolean {
    return this.#groups.add(groupName, this.#channels.get(channelName) ?? this.#addQueue(channelName))
  }

  /** `true`: the channel was the last member of the group here. */
  leave(groupName: string, channelName: string): boolean {
    const group = this.#groups.get(groupName)
    const channel = this.#channels.get(channelName)
    if (group === undefined || channel === undefined) return false
    const isEmptied = this.#groups.remove(group, channel)
    this.#forgetIfIdle(channel)
    return isEmptied
  }

  /** Takes every member out of the group. */
  disband(groupName: string): void {
    const group = this.#groups.get(groupName)
    if (group === undefined) return
    for (const channel of group.members.keys()) {
      this.#groups.remove(group, channel)
      this.#forgetIfIdle(channel)
    }
  }

  /** Hands the message to the receiver of the channel, which gets a queue where nobody is attached. */
  deliver(channelName: string, message: Message): Delivery {
    return this.#handOver(this.#channels.get(channelName) ?? this.#addQueue(channelName), message)
  }

  /**
   * Hands the message to every member of the group but the excepted. A receiver that throws keeps it from none of the
   * others: the first such error is thrown at the end.
   */
  fanOut(groupName: string, message: Message, except?: GroupSendOptions['except']): void {
    const group = this.#groups.get(groupName)
    if (group === undefined) return
    const excepted = except === undefined ? undefined : this.#localOf(except)
    const { lastJoin } = this.#groups
    let failure: { readonly error: unknown } | undefined
    for (const channel of group.members.keys()) {
      // A handler may add and discard members while it is pushed the message; a Map shows those added last. The membership
      // is looked at only then: it is one more object of each member that has to come from memory.
      if (this.#groups.lastJoin !== lastJoin && group.members.get(channel)!.order > lastJoin) continue
      if (excepted !== undefined && (excepted === channel || (excepted instanceof Set && excepted.has(channel))))
        continue
      if (channel.queue !== undefined && this.#dropIfStale(group.members.get(channel)!, channel.queue, group)) continue
      try {
        this.#handOver(channel, message)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
  }

  /** The next message of the channel's queue. */
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

  /** Forgets every group and every waiting message. Who is attached stays attached, who waits waits on. */
  clear(): void {
    this.#groups.clear()
    for (const channel of this.#queued) {
      channel.queue!.takeAll()
      this.#forgetIfIdle(channel)
    }
  }

  /** Forgets everything that {@link clear} does, and ends every wait with the error. */
  close(error: unknown): void {
    for (const channel of this.#queued) channel.queue!.rejectWaiting(error)
    this.clear()
  }

  #rememberDetached(name: string): void {
    if (this.#detached.size >= MAX_DETACHED) {
      for (const oldest of this.#detached) {
        this.#detached.delete(oldest)
        break
      }
    }
    this.#detached.add(name)
  }

  #handOver(channel: LocalChannel, message: Message): Delivery {
    const delivery = channel.receiver.deliver(message)
    if (delivery !== 'delivered') this.#dropped[delivery]++
    else if (channel.queue === undefined) this.#delivered++
    return delivery
  }

  /** What is excepted, as the channels themselves: comparing those costs a member less than comparing names. */
  #localOf(except: string | readonly string[]): LocalChannel | Set<LocalChannel> | undefined {
    if (typeof except === 'string') return this.#channels.get(except)
    const channels = except.map((name) => this.#channels.get(name)).filter((channel) => channel !== undefined)
    return channels.length > 1 ? new Set(channels) : channels[0]
  }

  #addQueue(name: string): LocalChannel {
    if (this.#queued.size >= MAX_QUEUES) {
      throw new ChannelFullError(
        name,
        `${MAX_QUEUES} channels that nobody is attached to are in use, so receive from them, or stop sending to names that nobody reads`,
      )
    }
    const { capacityOf, expiryMs, groupExpiryMs } = this.#options
    const queue = new ChannelQueue(capacityOf(name), expiryMs, (count) => this.countDropped('expired', count))
    const channel: LocalChannel = { name, receiver: queue, queue, groups: noGroups }
    this.#channels.set(name, channel)
    this.#queued.add(channel)
    const sweepMs = Math.min(Math.max(Math.min(expiryMs, groupExpiryMs) / 2, MIN_SWEEP_MS), MAX_SWEEP_MS)
    this.#sweep ??= setInterval(() => this.#sweepQueues(), sweepMs).unref()
    return channel
  }

  #sweepQueues(): void {
    for (const channel of this.#queued) {
      const queue = channel.queue!
      queue.dropExpired()
      // Nobody reads it: it leaves its groups, as in Channels.
      if (queue.isAbandoned)
        this.#groups.removeFromAll(channel).forEach((group) => this.#options.onGroupEmptied?.(group))
      for (const group of channel.groups.slice()) this.#dropIfStale(group.members.get(channel)!, queue, group)
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

  /** Takes the channel out of the group if nobody serves it and it was added too long ago. */
  #dropIfStale({ channel, addedAt }: Membership, queue: ChannelQueue, group: LocalGroup): boolean {
    if (performance.now() - Math.max(addedAt, queue.servedAt) < this.#options.groupExpiryMs) return false
    if (this.#groups.remove(group, channel)) this.#options.onGroupEmptied?.(group.name)
    return true
  }
}

function taken(message: string): TidewayError {
  return new TidewayError('ERR_CHANNEL_TAKEN', message)
}

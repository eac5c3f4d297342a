import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelReceiver, Delivery, DropReason, Message } from './channel-layer.ts'
import { ChannelQueue } from './channel-queue.ts'

/** What the channels of this process are kept by. */
export interface LocalChannelsOptions {
  /** How long a message waits at a channel that nobody is attached to, in milliseconds. */
  readonly expiryMs: number
  /** How long a channel that nobody is attached to stays in a group after it was added, in milliseconds. */
  readonly groupExpiryMs: number
  readonly capacityOf: (channel: string) => number
  /** Told when a group lost its last member here to old age, and not to a call. @default nothing is told */
  readonly onGroupEmptied?: ((group: string) => void) | undefined
}

interface LocalGroup {
  readonly name: string
  readonly members: Set<LocalChannel>
}

interface Membership {
  readonly group: LocalGroup
  joinedAt: number
}

interface LocalChannel {
  readonly name: string
  receiver: ChannelReceiver
  /** The receiver when nobody is attached. */
  queue: ChannelQueue | undefined
  readonly memberships: Membership[]
}

/** Channels with a queue that may exist at once; the next one is refused. A queue lives until it is idle. */
const MAX_QUEUES = 10_000

/**
 * The channels and groups that live in this process, which every layer needs alike: who is attached to which channel,
 * who is in which group, and the queues behind `receive()`. Knows nothing of other processes.
 */
export class LocalChannels {
  readonly #options: LocalChannelsOptions
  readonly #channels = new Map<string, LocalChannel>()
  readonly #groups = new Map<string, LocalGroup>()
  readonly #queued = new Set<LocalChannel>()
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

  get delivered(): number {
    return this.#delivered
  }

  get dropped(): Readonly<Record<DropReason, number>> {
    return this.#dropped
  }

  get channelCount(): number {
    return this.#channels.size
  }

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
    return this.#groups.keys()
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name)
  }

  /** @throws TidewayError when somebody is attached to the channel already */
  attach(name: string, receiver: ChannelReceiver): void {
    const existing = this.#channels.get(name)
    if (existing === undefined) {
      this.#channels.set(name, { name, receiver, queue: undefined, memberships: [] })
      return
    }
    if (existing.queue === undefined) {
      throw new TidewayError(
        'ERR_CHANNEL_TAKEN',
        `Channel "${name}" has a receiver already: take a name from newChannel().`,
      )
    }
    existing.receiver = receiver
    existing.queue = undefined
    this.#queued.delete(existing)
  }

  /** Forgets the channel; returns the groups that it was the last member of. */
  detach(name: string): string[] {
    const channel = this.#channels.get(name)
    if (channel === undefined) return []
    this.#channels.delete(name)
    this.#queued.delete(channel)
    return this.#leaveAll(channel)
  }

  /** Adds the channel, which gets a queue where nobody is attached. `true`: it is the group's first member here. */
  join(groupName: string, channelName: string): boolean {
    const channel = this.#channels.get(channelName) ?? this.#addQueue(channelName)
    let group = this.#groups.get(groupName)
    const isFirst = group === undefined
    if (group === undefined) {
      group = { name: groupName, members: new Set() }
      this.#groups.set(groupName, group)
    }
    const membership = channel.memberships.find((one) => one.group === group)
    if (membership !== undefined) membership.joinedAt = performance.now()
    else {
      group.members.add(channel)
      channel.memberships.push({ group, joinedAt: performance.now() })
    }
    return isFirst
  }

  /** `true`: the channel was the last member of the group here. */
  leave(groupName: string, channelName: string): boolean {
    const group = this.#groups.get(groupName)
    const channel = this.#channels.get(channelName)
    if (group === undefined || channel === undefined) return false
    const index = channel.memberships.findIndex((one) => one.group === group)
    if (index === -1) return false
    channel.memberships.splice(index, 1)
    return this.#remove(channel, group)
  }

  /** Hands the message to the receiver of the channel, which gets a queue where nobody is attached. */
  deliver(channelName: string, message: Message): Delivery {
    const channel = this.#channels.get(channelName) ?? this.#addQueue(channelName)
    return this.#count(channel.receiver.deliver(message))
  }

  /** Hands the message to every member of the group but the excepted. */
  fanOut(groupName: string, message: Message, except?: string | readonly string[]): void {
    const group = this.#groups.get(groupName)
    if (group === undefined) return
    for (const member of group.members) {
      if (except !== undefined && isExcepted(member.name, except)) continue
      if (member.queue !== undefined && this.#dropStale(member, group)) continue
      this.#count(member.receiver.deliver(message))
    }
  }

  /** The next message of the channel's queue. */
  async receive(channelName: string, signal?: AbortSignal): Promise<Message> {
    const channel = this.#channels.get(channelName) ?? this.#addQueue(channelName)
    if (channel.queue === undefined) {
      throw new TidewayError(
        'ERR_CHANNEL_TAKEN',
        `Channel "${channelName}" has a receiver: its messages are pushed there.`,
      )
    }
    try {
      return await channel.queue.receive(signal)
    } finally {
      this.#forgetIfIdle(channel)
    }
  }

  /** Forgets every group and every waiting message. Who is attached stays attached. */
  clear(): void {
    this.#groups.clear()
    for (const channel of this.#channels.values()) channel.memberships.length = 0
    for (const channel of this.#queued) this.#channels.delete(channel.name)
    this.#queued.clear()
    this.#stopSweep()
  }

  #count(delivery: Delivery): Delivery {
    if (delivery === 'delivered') this.#delivered++
    else this.#dropped[delivery]++
    return delivery
  }

  #addQueue(name: string): LocalChannel {
    if (this.#queued.size >= MAX_QUEUES) {
      throw new TidewayError(
        'ERR_CHANNEL_FULL',
        `${MAX_QUEUES} channels without a receiver have messages waiting: receive them, or stop sending to names that nobody reads.`,
      )
    }
    const { capacityOf, expiryMs } = this.#options
    const queue = new ChannelQueue(capacityOf(name), expiryMs, (count) => this.countDropped('expired', count))
    const channel: LocalChannel = { name, receiver: queue, queue, memberships: [] }
    this.#channels.set(name, channel)
    this.#queued.add(channel)
    this.#sweep ??= setInterval(() => this.#sweepQueues(), Math.max(1, expiryMs / 2)).unref()
    return channel
  }

  /** A queue that lost a message to its age is read by nobody: it leaves its groups, as in Channels. */
  #sweepQueues(): void {
    for (const channel of this.#queued) {
      if (channel.queue!.dropExpired() > 0)
        this.#leaveAll(channel).forEach((group) => this.#options.onGroupEmptied?.(group))
      for (const { group } of channel.memberships.slice()) this.#dropStale(channel, group)
      this.#forgetIfIdle(channel)
    }
  }

  #forgetIfIdle(channel: LocalChannel): void {
    if (channel.queue === undefined || !channel.queue.isIdle || channel.memberships.length > 0) return
    if (this.#channels.get(channel.name) !== channel) return
    this.#channels.delete(channel.name)
    this.#queued.delete(channel)
    if (this.#queued.size === 0) this.#stopSweep()
  }

  #stopSweep(): void {
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  /** Takes the channel out of the group if nobody is attached to it and it was added too long ago. */
  #dropStale(channel: LocalChannel, group: LocalGroup): boolean {
    const index = channel.memberships.findIndex((one) => one.group === group)
    const membership = channel.memberships[index]
    if (membership === undefined || performance.now() - membership.joinedAt < this.#options.groupExpiryMs) return false
    channel.memberships.splice(index, 1)
    if (this.#remove(channel, group)) this.#options.onGroupEmptied?.(group.name)
    return true
  }

  #leaveAll(channel: LocalChannel): string[] {
    const left = channel.memberships.splice(0).map(({ group }) => group)
    return left.filter((group) => this.#remove(channel, group)).map((group) => group.name)
  }

  #remove(channel: LocalChannel, group: LocalGroup): boolean {
    group.members.delete(channel)
    if (group.members.size > 0) return false
    return this.#groups.delete(group.name)
  }
}

function isExcepted(name: string, except: string | readonly string[]): boolean {
  return typeof except === 'string' ? name === except : except.includes(name)
}

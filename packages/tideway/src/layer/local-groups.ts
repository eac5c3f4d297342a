import type { ChannelReceiver } from './channel-layer.ts'
import type { ChannelQueue } from './channel-queue.ts'

/** A channel of this process. */
export interface LocalChannel {
  readonly name: string
  receiver: ChannelReceiver
  /** The receiver when nobody is attached. */
  queue: ChannelQueue | undefined
  groups: LocalGroup[]
}

/** Of a channel that is in none: the array is made with the first, since one that grows from nothing takes room for seventeen. */
export const noGroups: LocalGroup[] = []

/** A group with at least one member in this process. */
export interface LocalGroup {
  readonly name: string
  readonly members: Map<LocalChannel, Membership>
}

/** One channel in one group. */
export interface Membership {
  readonly channel: LocalChannel
  /** Counts the joins of the process: tells who was in the group when a message was sent. */
  readonly order: number
  /** When the channel was added for the last time, as `performance.now()` has it. */
  addedAt: number
}

/** Who of this process is in which group. A group is there as long as it has a member. */
export class LocalGroups {
  readonly #groups = new Map<string, LocalGroup>()
  #joins = 0

  get size(): number {
    return this.#groups.size
  }

  get names(): Iterable<string> {
    return this.#groups.keys()
  }

  /** The `order` of the last member that was added to any group. */
  get lastJoin(): number {
    return this.#joins
  }

  get(name: string): LocalGroup | undefined {
    return this.#groups.get(name)
  }

  /** Adding a channel twice is adding it once. `true`: it is the first member. */
  add(name: string, channel: LocalChannel): boolean {
    let group = this.#groups.get(name)
    const isFirst = group === undefined
    if (group === undefined) {
      group = { name, members: new Map() }
      this.#groups.set(name, group)
    }
    const membership = group.members.get(channel)
    if (membership !== undefined) membership.addedAt = performance.now()
    else {
      group.members.set(channel, { channel, order: ++this.#joins, addedAt: performance.now() })
      if (channel.groups.length === 0) channel.groups = [group]
      else channel.groups.push(group)
    }
    return isFirst
  }

  /** `true`: the channel was the last member. */
  remove(group: LocalGroup, channel: LocalChannel): boolean {
    if (!group.members.delete(channel)) return false
    channel.groups.splice(channel.groups.indexOf(group), 1)
    return this.#forgetIfEmpty(group)
  }

  /** Takes the channel out of all its groups; returns those that it was the last member of. */
  removeFromAll(channel: LocalChannel): string[] {
    const left = channel.groups
    channel.groups = noGroups
    for (const group of left) group.members.delete(channel)
    return left.filter((group) => this.#forgetIfEmpty(group)).map((group) => group.name)
  }

  /** Takes every channel out of every group. */
  clear(): void {
    for (const group of this.#groups.values()) {
      for (const channel of group.members.keys()) channel.groups = noGroups
    }
    this.#groups.clear()
  }

  #forgetIfEmpty(group: LocalGroup): boolean {
    return group.members.size === 0 && this.#groups.delete(group.name)
  }
}

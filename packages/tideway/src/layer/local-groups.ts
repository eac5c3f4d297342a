import type { ChannelReceiver } from './channel-layer.ts'
import type { ChannelQueue } from './channel-queue.ts'

/** A channel of this process. */
export interface LocalChannel {
  readonly name: string
  receiver: ChannelReceiver
  /** The receiver if none is attached. */
  queue: ChannelQueue | undefined
  /** A list of less than two groups is shared by all channels that have it, so it is never changed. */
  groups: LocalGroup[]
}

/** The groups of a channel without groups. */
export const noGroups: LocalGroup[] = []

/** A group with at least one member in this process. */
export interface LocalGroup {
  readonly name: string
  /** Each member with the number of its join in this process, which identifies the members at the time of a send. */
  readonly members: Map<LocalChannel, number>
  /** The groups of a channel that has only this one: nearly all have one, and an array each would cost 56 bytes. */
  readonly alone: LocalGroup[]
}

/** The groups of this process and their members. A group exists while it has a member. */
export class LocalGroups {
  readonly #groups = new Map<string, LocalGroup>()
  #joins = 0

  get size(): number {
    return this.#groups.size
  }

  get names(): Iterable<string> {
    return this.#groups.keys()
  }

  /** The number of the last join: that of the last member that was added to any group. */
  get lastJoin(): number {
    return this.#joins
  }

  get(name: string): LocalGroup | undefined {
    return this.#groups.get(name)
  }

  /** Adds the channel; adding it again renews its membership. Returns `true` for the first member. */
  add(name: string, channel: LocalChannel): boolean {
    let group = this.#groups.get(name)
    const isFirst = group === undefined
    if (group === undefined) {
      group = { name, members: new Map(), alone: [] }
      group.alone.push(group)
      this.#groups.set(name, group)
    }
    channel.queue?.addedAt.set(name, performance.now())
    if (!group.members.has(channel)) {
      group.members.set(channel, ++this.#joins)
      if (channel.groups.length === 0) channel.groups = group.alone
      else if (channel.groups.length === 1) channel.groups = [...channel.groups, group]
      else channel.groups.push(group)
    }
    return isFirst
  }

  /** Removes the channel. Returns `true` if it was the last member. */
  remove(group: LocalGroup, channel: LocalChannel): boolean {
    if (!group.members.delete(channel)) return false
    channel.queue?.addedAt.delete(group.name)
    if (channel.groups.length === 1) channel.groups = noGroups
    else channel.groups.splice(channel.groups.indexOf(group), 1)
    return this.#forgetIfEmpty(group)
  }

  /** Removes the channel from all its groups. Returns the names of the groups that are empty now. */
  removeFromAll(channel: LocalChannel): string[] {
    const left = channel.groups
    channel.groups = noGroups
    channel.queue?.addedAt.clear()
    const emptied: string[] = []
    for (const group of left) {
      group.members.delete(channel)
      if (this.#forgetIfEmpty(group)) emptied.push(group.name)
    }
    return emptied
  }

  /** Removes every channel from every group. */
  clear(): void {
    for (const group of this.#groups.values()) {
      for (const channel of group.members.keys()) {
        channel.groups = noGroups
        channel.queue?.addedAt.clear()
      }
    }
    this.#groups.clear()
  }

  #forgetIfEmpty(group: LocalGroup): boolean {
    return group.members.size === 0 && this.#groups.delete(group.name)
  }
}

import type { Message } from 'tideway/layer'

import { KEPT } from '../layer/wire.ts'
import type { PubSubEngine } from './pub-sub-engine.ts'

/** The callbacks to the layer. */
export interface DjangoEventsOwner {
  /** The first parts of the names of the kept groups. */
  readonly families: readonly string[]
  /** The Redis channel of the plain group. */
  channelOf(group: string): string
  engineOf(channel: string): PubSubEngine
  /** Whether the process has members of the plain group, which need the channel too. */
  hasMembers(channel: string): boolean
}

/** The Redis channels of plain groups whose messages the followers of the kept group of the same name get. */
export class DjangoEvents {
  readonly #owner: DjangoEventsOwner
  /** The kept groups, by the Redis channel of the plain group. */
  readonly #groups = new Map<string, string>()

  constructor(owner: DjangoEventsOwner) {
    this.#owner = owner
  }

  has(channel: string): boolean {
    return this.#groups.has(channel)
  }

  /** The kept group that gets the messages of the channel. */
  groupOf(channel: string): string | undefined {
    return this.#groups.get(channel)
  }

  /** The process follows the kept group. Resolves when the channel is subscribed. */
  async watch(group: string): Promise<void> {
    const { families, channelOf, engineOf } = this.#owner
    if (!families.includes(group.slice(0, group.indexOf('.')))) return
    const channel = channelOf(group)
    this.#groups.set(channel, group)
    await engineOf(channel).subscribe(channel)
  }

  unwatch(group: string): void {
    const { channelOf, engineOf, hasMembers } = this.#owner
    const channel = channelOf(group)
    if (this.#groups.delete(channel) && !hasMembers(channel)) engineOf(channel).unsubscribe(channel)
  }
}

/**
 * Returns a message as the body of a volatile event; `undefined` for the copy of an event that is in the log.
 * @throws TypeError if JSON cannot represent the message
 */
export function djangoEvent({ type, ...data }: Message): string | undefined {
  if (KEPT in data) return undefined
  return JSON.stringify({ e: type, d: data }, (_key, value: unknown) => {
    if (value instanceof Uint8Array) throw new TypeError('JSON cannot represent bytes.')
    return value
  })
}

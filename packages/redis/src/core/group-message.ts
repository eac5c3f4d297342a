import type { GroupSendOptions, Message } from 'tideway/layer'
import { nonLocalName } from 'tideway/layer/kit'

import { CHANNELS, EXCEPT } from '../layer/wire.ts'

/** A message for one queue, with the names of all its channels that receive it. */
export interface QueuedMessage {
  readonly queue: string
  readonly capacity: number
  readonly content: Record<string, unknown>
}

/** Returns one message per queue, for the members of the group that receive through this queue. */
export function addressGroupMessage(
  members: readonly string[],
  message: Message,
  except: GroupSendOptions['except'],
  queueOf: (channel: string) => { readonly name: string; readonly capacity: number },
): QueuedMessage[] {
  const excepted = new Set(typeof except === 'string' ? [except] : except)
  const channelsOf = new Map<string, { readonly capacity: number; readonly channels: string[] }>()
  for (const channel of members) {
    if (excepted.has(channel)) continue
    const { name, capacity } = queueOf(channel)
    const queue = channelsOf.get(name)
    if (queue === undefined) channelsOf.set(name, { capacity, channels: [channel] })
    else queue.channels.push(channel)
  }
  return Array.from(channelsOf, ([queue, { capacity, channels }]) => {
    const content: Record<string, unknown> = { ...message, [CHANNELS]: channels }
    // Only the process that owns the excepted channels needs their names.
    const owned = [...excepted].filter((channel) => nonLocalName(channel) === queue)
    if (owned.length > 0) content[EXCEPT] = owned
    return { queue, capacity, content }
  })
}

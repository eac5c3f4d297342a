import type { GroupSendOptions, Message } from 'tideway/layer'
import { nonLocalName } from 'tideway/layer/kit'

import { CHANNELS, EXCEPT } from './wire.ts'

/** A message for one queue, with the names of all the channels behind it. */
export interface QueuedMessage {
  readonly queue: string
  readonly capacity: number
  readonly content: Record<string, unknown>
}

/** One message for each queue behind which the group has members. */
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
    // Only the process that the excepted channels belong to needs to know of them.
    const behind = [...excepted].filter((channel) => nonLocalName(channel) === queue)
    if (behind.length > 0) content[EXCEPT] = behind
    return { queue, capacity, content }
  })
}

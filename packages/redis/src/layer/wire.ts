import type { Message } from 'tideway/layer'
import { nonLocalName, TidewayError } from 'tideway/layer/kit'

/** The key of the channels that a message is addressed to, as in the core layer of channels_redis. */
export const CHANNELS = '__asgi_channel__'

/** The key of the channels of the group that do not receive the message. */
export const EXCEPT = '__tideway_except__'

/** The key of the position of an event that is also in a log: `integrations/python` adds it for the consumers of Django. */
export const KEPT = '__tideway_position__'

/** The key of the id that {@link Acknowledgements} gave the message. */
export const ACKNOWLEDGE = '__tideway_ack__'

/** @throws TidewayError `ERR_BAD_MESSAGE` for a message with a key that the layers reserve */
export function requireNoReserved(message: Message): void {
  for (const key of [EXCEPT, ACKNOWLEDGE]) {
    if (!(key in message)) continue
    throw new TidewayError('ERR_BAD_MESSAGE', `message.${key} is a key that the Redis layers reserve: use another key.`)
  }
}

/** The start of process names of tideway. Process names of channels_redis are 32 hexadecimal digits. */
export const PROCESS_MARK = 'tw'

/** The owner of a channel, which its name contains. */
export type ChannelKind =
  /** A channel of this process. */
  | 'own'
  /** A channel of another process of tideway. */
  | 'tideway'
  /** A channel of a process of Channels. */
  | 'python'
  /** A channel without an owner: any process may receive from it. */
  | 'general'

const tidewayProcess = /\.tw[0-9a-f]{30}!$/
const pythonProcess = /\.[0-9a-f]{32}!$/

/** Returns the owner of the channel. */
export function channelKind(channel: string, processName: string): ChannelKind {
  if (!channel.includes('!')) return 'general'
  const process = nonLocalName(channel)
  if (process.endsWith(`.${processName}!`)) return 'own'
  if (tidewayProcess.test(process)) return 'tideway'
  return pythonProcess.test(process) ? 'python' : 'general'
}

/** Whether the name is the queue of a process of tideway. */
export function isProcessQueue(name: string): boolean {
  return tidewayProcess.test(name)
}

/** Whether the pub/sub layer of channels_redis made the name: its prefix, the caller's prefix, and 32 hexadecimal digits. */
export function isPythonPubSubChannel(channel: string, prefix: string): boolean {
  return channel.startsWith(prefix) && /[0-9a-f]{32}$/.test(channel) && !channel.includes('!')
}

/**
 * Rejects a name that channels_redis would deliver to all members of a group.
 * @param groupPrefix the prefix of the Redis channels of groups
 * @throws TidewayError `ERR_BAD_NAME`
 */
export function requireNoGroup(channel: string, groupPrefix: string): void {
  if (!channel.startsWith(groupPrefix)) return
  throw new TidewayError(
    'ERR_BAD_NAME',
    `Channel "${channel}" has the name of the Redis channel of a group: channel names must not begin with "${groupPrefix}".`,
  )
}

/** Returns the process name in a channel name of tideway. */
export function processOf(channel: string): string {
  const end = channel.indexOf('!')
  return channel.slice(channel.lastIndexOf('.', end) + 1, end)
}

import type { Message } from 'tideway/layer'
import { nonLocalName, TidewayError } from 'tideway/layer/kit'

/** The channels that a message is for, as the core layer of channels_redis puts it into the message. */
export const CHANNELS = '__asgi_channel__'

/** The channels of the group that are not sent the message. */
export const EXCEPT = '__tideway_except__'

/** The number that {@link Acknowledgements} gave the message. */
export const ACKNOWLEDGE = '__tideway_ack__'

/** @throws TidewayError `ERR_BAD_MESSAGE` for a message with a key that the layers put there themselves */
export function requireNoReserved(message: Message): void {
  for (const key of [EXCEPT, ACKNOWLEDGE]) {
    if (!(key in message)) continue
    throw new TidewayError('ERR_BAD_MESSAGE', `message.${key} is a key that the Redis layers use: take another one.`)
  }
}

/** What tells a process of tideway from one of channels_redis, whose names are 32 hexadecimal digits. */
export const PROCESS_MARK = 'tw'

/** Whose a channel is, which its name says. */
export type ChannelKind =
  /** A channel of this process. */
  | 'own'
  /** A channel of another process of tideway. */
  | 'tideway'
  /** A channel of a process of Channels. */
  | 'python'
  /** Whoever receives from it. */
  | 'general'

const tidewayProcess = /\.tw[0-9a-f]{30}!$/
const pythonProcess = /\.[0-9a-f]{32}!$/

/** Whose the channel is. */
export function channelKind(channel: string, processName: string): ChannelKind {
  if (!channel.includes('!')) return 'general'
  const process = nonLocalName(channel)
  if (process.endsWith(`.${processName}!`)) return 'own'
  if (tidewayProcess.test(process)) return 'tideway'
  return pythonProcess.test(process) ? 'python' : 'general'
}

/** Whether the name is that of the queue of a process of tideway. */
export function isProcessQueue(name: string): boolean {
  return tidewayProcess.test(name)
}

/** Names that the pub/sub layer of channels_redis makes: its prefix, the caller's, and 32 hexadecimal digits. */
export function isPythonPubSubChannel(channel: string, prefix: string): boolean {
  return channel.startsWith(prefix) && /[0-9a-f]{32}$/.test(channel) && !channel.includes('!')
}

/**
 * channels_redis would deliver a message to such a channel to all members of a group.
 * @param groupPrefix what the names of the Redis channels of groups begin with
 * @throws TidewayError `ERR_BAD_NAME`
 */
export function requireNoGroup(channel: string, groupPrefix: string): void {
  if (!channel.startsWith(groupPrefix)) return
  throw new TidewayError(
    'ERR_BAD_NAME',
    `Channel "${channel}" has the name of the Redis channel of a group: channel names must not begin with "${groupPrefix}".`,
  )
}

/** The process in the name of a channel of tideway. */
export function processOf(channel: string): string {
  const end = channel.indexOf('!')
  return channel.slice(channel.lastIndexOf('.', end) + 1, end)
}

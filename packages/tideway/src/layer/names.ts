import { TidewayError } from '../errors/tideway-error.ts'

/** The longest name of a channel or a group, in characters (channel layer specification of Channels). */
export const MAX_NAME_LENGTH = 100

// The patterns of the Channels specification, restricted to ASCII: Python's `\w` and `$` accept "é" and a final newline.
const channelPattern = /^[a-zA-Z0-9\-_.]+(![a-zA-Z0-9\-_.]*)?$/
const groupPattern = /^[a-zA-Z0-9\-_.]+$/

/** Whether the name is a valid channel name: ASCII letters, digits, `-`, `_`, `.`, and at most one `!` that is not first. */
export function isChannelName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && channelPattern.test(name)
}

/** Whether the name is a valid group name: ASCII letters, digits, `-`, `_`, `.`. */
export function isGroupName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && groupPattern.test(name)
}

/** @throws TidewayError `ERR_BAD_NAME` */
export function requireChannelName(name: unknown): asserts name is string {
  if (!isChannelName(name)) throw badName('Channel', name, ', with at most one "!" after the first character', '')
}

/** @throws TidewayError `ERR_BAD_NAME` */
export function requireGroupName(name: unknown): asserts name is string {
  if (!isGroupName(name)) throw badName('Group', name, '', ": groupName('chat', room) makes one of any text")
}

function badName(kind: 'Channel' | 'Group', name: unknown, more: string, advice: string): TidewayError {
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, MAX_NAME_LENGTH + 1)) : typeof name
  return new TidewayError(
    'ERR_BAD_NAME',
    `${kind} name ${shown} must be a string of 1 to ${MAX_NAME_LENGTH} ASCII letters, digits, hyphens, underscores or periods${more}${advice}.`,
  )
}

/** The part of a channel name up to and including its `!`, shared by all channels of one process, or the whole name. */
export function nonLocalName(channel: string): string {
  const end = channel.indexOf('!')
  return end === -1 ? channel : channel.slice(0, end + 1)
}

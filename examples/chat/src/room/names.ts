import { groupName } from 'tideway'

/** Letters, marks and digits of any script, hyphens and underscores. */
const ROOM_NAME = /^[\p{L}\p{M}\p{N}_-]{1,40}$/u
/** The room names of the plain protocol. */
const PLAIN_NAME = /^\w+$/

/** Returns the normalized name, or `undefined` if it is invalid. */
export function roomName(given: unknown): string | undefined {
  const name = String(given).normalize('NFC')
  return ROOM_NAME.test(name) ? name : undefined
}

/** Returns the group of a room. Rooms of the plain protocol have the group name of `ChatConsumer`. */
export function groupOf(room: string): string {
  return PLAIN_NAME.test(room) ? `chat_${room}` : groupName('chat', room)
}

import { tagOf } from './tags.ts'

/** Letters, marks and digits of any script, hyphens and underscores. */
const ROOM_NAME = /^[\p{L}\p{M}\p{N}_-]{1,40}$/u
/** The names that the plain protocol has too, and that a group may have. */
const PLAIN_NAME = /^\w+$/

/** Returns the name as the chat takes it, or `undefined` if no room can have it. */
export function roomName(given: unknown): string | undefined {
  const name = String(given).normalize('NFC')
  return ROOM_NAME.test(name) ? name : undefined
}

/** The group of everyone in the room. A name of a group is ASCII, so that of another name is made of its hash. */
export function groupOf(room: string): string {
  return PLAIN_NAME.test(room) ? `chat_${room}` : `chat.${tagOf(room)}`
}

/** The group of those in the room who use the protocol of the page. */
export function pageGroupOf(room: string): string {
  return PLAIN_NAME.test(room) ? `room_${room}` : `room.${tagOf(room)}`
}

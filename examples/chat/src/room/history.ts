// The messages of the rooms, in SQLite. Numbers increase in commit order, across all rooms and processes. Each message has
// the number of the previous one in its room, so a client can detect a gap. These functions block: `threads.ts` runs them
// in threads.

import { database, type Statement } from '../database.ts'

/** The maximum number of stored messages, per room and in total. */
const KEPT_PER_ROOM = 1000
const KEPT = 100_000
/** Old messages are deleted once per this number of new ones. */
const TIDY_EVERY = 50

/** A stored message. */
export interface KeptMessage {
  readonly number: number
  /** The number of the previous message in the room; 0 for the first one. */
  readonly previous: number
  /** A time of `Date.now()`. */
  readonly at: number
  readonly user: string
  readonly message: string
  /** The tab that wrote it, as an opaque tag: see `tags.ts`. */
  readonly author: string
  /** The account or session that wrote it, as an opaque tag. `""` for a guest without a session. */
  readonly owner: string
  /** The client's idempotency key: a message with the same key is the same message. */
  readonly key: string
}

const columns = 'number, previous, at, user, message, author, owner, key'
const statements = new Map<string, Statement>()

function statement(sql: string): Statement {
  const known = statements.get(sql) ?? database().prepare(sql)
  statements.set(sql, known)
  return known
}

/** Stores a message and returns the stored one. A repeated message of a client without an answer is not stored again. */
export function append(
  room: string,
  said: Pick<KeptMessage, 'user' | 'message' | 'author' | 'owner' | 'key'>,
): KeptMessage {
  const { user, message, author, owner, key } = said
  const added = statement(`
    INSERT INTO messages (room, previous, at, user, message, author, owner, key)
    VALUES (?, (SELECT coalesce(max(number), 0) FROM messages WHERE room = ?), ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING RETURNING ${columns}`).all(room, room, Date.now(), user, message, author, owner, key)[0]
  if (added === undefined) {
    const known = statement(`SELECT ${columns} FROM messages WHERE room = ? AND author = ? AND key = ?`)
    return known.all(room, author, key)[0] as KeptMessage
  }
  const kept = added as KeptMessage
  if (kept.number % TIDY_EVERY === 0) tidy(room, kept.number)
  return kept
}

/** Returns the first messages after a number, at most `limit`. */
export function after(room: string, number: number, limit: number): KeptMessage[] {
  return statement(`SELECT ${columns} FROM messages WHERE room = ? AND number > ? ORDER BY number LIMIT ?`).all(
    room,
    number,
    limit,
  ) as KeptMessage[]
}

/** Returns the last messages before a number, at most `limit`, the oldest first. */
export function before(room: string, number: number, limit: number): KeptMessage[] {
  const found = statement(`SELECT ${columns} FROM messages WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?`)
  return (found.all(room, number, limit) as KeptMessage[]).toReversed()
}

/** Returns the texts of all stored messages of a room. */
export function textsOf(room: string): string[] {
  const found = statement('SELECT message FROM messages WHERE room = ? ORDER BY number').all(room)
  return (found as { message: string }[]).map(({ message }) => message)
}

function tidy(room: string, newest: number): void {
  statement(`
    DELETE FROM messages WHERE room = ? AND number <=
      (SELECT number FROM messages WHERE room = ? ORDER BY number DESC LIMIT 1 OFFSET ?)`).run(
    room,
    room,
    KEPT_PER_ROOM,
  )
  statement('DELETE FROM messages WHERE number <= ?').run(newest - KEPT)
}

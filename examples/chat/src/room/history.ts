// What was said in the rooms, in SQLite. Numbers go up by the order of commits, over all rooms and processes, and each
// message knows the one before it in its room: who has seen that one has seen everything. These functions block:
// `threads.ts` runs them where that does not matter.

import { database, type Statement } from '../database.ts'

/** How many messages a room keeps, and all rooms together. */
const KEPT_PER_ROOM = 1000
const KEPT = 100_000
/** Old messages go once in so many new ones. */
const TIDY_EVERY = 50

/** A message as it is kept. */
export interface KeptMessage {
  readonly number: number
  /** The number of the message before it in the room; 0 where it is the first. */
  readonly previous: number
  /** As `Date.now()` tells time. */
  readonly at: number
  readonly user: string
  readonly message: string
  /** The tab that wrote it, as a tag from which nothing can be read: see `tags.ts`. */
  readonly author: string
  /** The account or the session that wrote it, as such a tag. `""` for a guest without a session. */
  readonly owner: string
  /** The author's own mark on it: the same one twice is the same message. */
  readonly key: string
}

const columns = 'number, previous, at, user, message, author, owner, key'
const statements = new Map<string, Statement>()

function statement(sql: string): Statement {
  const known = statements.get(sql) ?? database().prepare(sql)
  statements.set(sql, known)
  return known
}

/** Keeps a message, and returns it as it is kept. One that is there already, sent again by a client that had no answer, stays as it was. */
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

/** The first messages after one, at most `limit`. */
export function after(room: string, number: number, limit: number): KeptMessage[] {
  return statement(`SELECT ${columns} FROM messages WHERE room = ? AND number > ? ORDER BY number LIMIT ?`).all(
    room,
    number,
    limit,
  ) as KeptMessage[]
}

/** The last messages before one, at most `limit`, the oldest first. */
export function before(room: string, number: number, limit: number): KeptMessage[] {
  const found = statement(`SELECT ${columns} FROM messages WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?`)
  return (found.all(room, number, limit) as KeptMessage[]).toReversed()
}

/** All that is kept of a room, the texts alone. */
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

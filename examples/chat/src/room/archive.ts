// The messages of the rooms, in SQLite: the last 1,000 per room. Numbers increase in commit order, across all processes. These
// functions block: `threads.ts` runs them in threads.

import { database } from '../database.ts'
import type { Said } from './groups.ts'

/** A stored message. `previous` is the number of the one before it in the room, or 0. */
export type KeptMessage = Omit<Said, 'guest'> & { readonly number: number; readonly previous: number }

const columns = 'number, previous, at, user, message, author, owner, key'

/** Stores a message, once per author and key, and returns the stored one. */
export function append(room: string, said: Omit<KeptMessage, 'number' | 'previous' | 'at'>): KeptMessage {
  const { user, message, author, owner, key } = said
  const previous = '(SELECT coalesce(max(number), 0) FROM messages WHERE room = ?)'
  database()
    .prepare(`INSERT INTO messages VALUES (NULL, ?, ${previous}, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
    .run(room, room, Date.now(), user, message, author, owner, key)
  const found = database().prepare(`SELECT ${columns} FROM messages WHERE room = ? AND author = ? AND key = ?`)
  return found.get(room, author, key) as KeptMessage
}

/** Returns the last messages before a number, at most `limit`, the oldest first. */
export function before(room: string, number: number, limit: number): KeptMessage[] {
  const found = database().prepare(
    `SELECT ${columns} FROM messages WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?`,
  )
  return (found.all(room, number, limit) as KeptMessage[]).toReversed()
}

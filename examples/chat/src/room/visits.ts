// The rooms by their last visit, in SQLite. These functions block: `open-rooms.ts` runs them in threads.

import { database } from '../database.ts'

/** Notes that a person has entered the room. */
export function noteVisit(room: string): void {
  database().prepare('INSERT OR REPLACE INTO rooms VALUES (?, ?)').run(room, Date.now())
}

/** Returns the rooms that were entered last, at most `limit`, with the number of their newest message, or 0. */
export function lastVisited(limit: number): { readonly name: string; readonly newest: number }[] {
  const newest = '(SELECT coalesce(max(number), 0) FROM messages WHERE room = name)'
  const found = database().prepare(`SELECT name, ${newest} AS newest FROM rooms ORDER BY at DESC LIMIT ?`)
  return found.all(limit) as { name: string; newest: number }[]
}

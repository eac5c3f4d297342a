// The rooms by their last visit, in SQLite. These functions block: `open-rooms.ts` runs them in threads.

import { database } from '../database.ts'

/** Notes that a person has entered the room. */
export function noteVisit(room: string): void {
  database().prepare('INSERT OR REPLACE INTO rooms VALUES (?, ?)').run(room, Date.now())
}

/** Returns the rooms that were entered last, at most `limit`. */
export function lastVisited(limit: number): string[] {
  const found = database().prepare('SELECT name FROM rooms ORDER BY at DESC LIMIT ?').all(limit)
  return (found as { name: string }[]).map(({ name }) => name)
}

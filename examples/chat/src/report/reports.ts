// The last report of each room, in SQLite, because one process may draw it and another one serve it.
// These functions block: `tasks.ts` runs them in threads.

import { database } from '../database.ts'
import type { WordCount } from './words.ts'

/** The maximum number of rooms whose last report is stored. */
const KEPT = 1000

/** A report, without its picture. */
export interface Report {
  /** When it was made, a time of `Date.now()`. Together with the room it identifies the picture. */
  readonly at: number
  /** The most frequent first. Empty if there are no words, and then there is no picture. */
  readonly words: WordCount[]
}

/** Returns the texts of all stored messages of a room. */
export function textsOf(room: string): string[] {
  const found = database().prepare('SELECT message FROM messages WHERE room = ? ORDER BY number').all(room)
  return (found as { message: string }[]).map(({ message }) => message)
}

/** Stores the report and replaces the previous one. */
export function keepReport(room: string, { at, words }: Report, svg: string | null): void {
  database()
    .prepare('INSERT OR REPLACE INTO reports (room, at, words, svg) VALUES (?, ?, ?, ?)')
    .run(room, at, JSON.stringify(words), svg)
  database()
    .prepare('DELETE FROM reports WHERE at < (SELECT at FROM reports ORDER BY at DESC LIMIT 1 OFFSET ?)')
    .run(KEPT - 1)
}

/** Returns the last report of a room. */
export function lastReport(room: string): Report | undefined {
  const found = database().prepare('SELECT at, words FROM reports WHERE room = ?').all(room)[0]
  if (found === undefined) return undefined
  const { at, words } = found as { at: number; words: string }
  return { at, words: JSON.parse(words) as WordCount[] }
}

/** Returns the picture of a report as SVG, if it is the last report of its room. */
export function picture(room: string, at: number): string | undefined {
  const found = database().prepare('SELECT svg FROM reports WHERE room = ? AND at = ?').all(room, at)[0]
  return (found as { svg: string | null } | undefined)?.svg ?? undefined
}

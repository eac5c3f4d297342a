// The last report of each room, in SQLite: what has drawn it may be another process than the one that is asked for it.
// These functions block: `tasks.ts` runs them in threads.

import { database } from '../database.ts'
import type { WordCount } from './words.ts'

/** The most rooms whose last report is kept. */
const KEPT = 1000

/** A report, without its picture. */
export interface Report {
  /** When it was made, as `Date.now()` tells time. With the room it is the name of the picture. */
  readonly at: number
  /** The most frequent first; none where nothing was said, and then there is no picture. */
  readonly words: readonly WordCount[]
}

/** Keeps the report in the place of the one before. */
export function keepReport(room: string, { at, words }: Report, svg: string | null): void {
  database()
    .prepare('INSERT OR REPLACE INTO reports (room, at, words, svg) VALUES (?, ?, ?, ?)')
    .run(room, at, JSON.stringify(words), svg)
  database()
    .prepare('DELETE FROM reports WHERE at < (SELECT at FROM reports ORDER BY at DESC LIMIT 1 OFFSET ?)')
    .run(KEPT - 1)
}

/** The last report of a room. */
export function lastReport(room: string): Report | undefined {
  const found = database().prepare('SELECT at, words FROM reports WHERE room = ?').all(room)[0]
  if (found === undefined) return undefined
  const { at, words } = found as { at: number; words: string }
  return { at, words: JSON.parse(words) as WordCount[] }
}

/** The picture of a report, as SVG, as long as it is the last one of its room. */
export function picture(room: string, at: number): string | undefined {
  const found = database().prepare('SELECT svg FROM reports WHERE room = ? AND at = ?').all(room, at)[0]
  return (found as { svg: string | null } | undefined)?.svg ?? undefined
}

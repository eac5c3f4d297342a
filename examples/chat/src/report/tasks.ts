import { defineTasks, type TaskContext } from 'tideway/worker'

import { channelLayer } from '../layer.ts'
import { textsOf } from '../room/threads.ts'
import type { Report } from './reports.ts'
import { countWords, drawWords, keepReport } from './threads.ts'

/** The number of parts in which a room is counted, each a step of the progress bar. */
const PIECES = 20

/** Counts the words of a room, reports its progress, and stores a picture of the most frequent words. */
async function report({ room }: { room: string }, task: TaskContext): Promise<Report> {
  const { signal } = task
  await task.progress(0)
  const texts = await textsOf.with({ signal })(room)
  const counts = new Map<string, number>()
  for (let piece = 0; piece < PIECES; piece++) {
    const part = texts.filter((_, i) => i % PIECES === piece)
    for (const [word, count] of await countWords.with({ signal })(part)) {
      counts.set(word, (counts.get(word) ?? 0) + count)
    }
    await task.progress((piece + 1) / PIECES)
  }
  const { words, svg } = await drawWords.with({ signal })(counts)
  const made = { at: Date.now(), words }
  await keepReport(room, made, svg)
  return made
}

/** Run in this process, or with `REDIS_URL` in the processes of `tideway worker dist/application.js --tasks`. */
export const tasks = defineTasks({ report }, { redis: process.env.REDIS_URL || undefined, channelLayer })

import { defineTasks, type TaskContext } from 'tideway/worker'

import { channelLayer } from '../layer.ts'
import { room } from '../room/groups.ts'
import type { Report } from './reports.ts'
import { countWords, drawWords, keepReport, textsOf } from './threads.ts'

/** The number of parts in which a room is counted, each a step of the progress bar. */
const PIECES = 20

/** Reports on a room, and publishes the progress and the result, or the failure, to everyone in it. */
async function report({ room: id }: { room: string }, { signal }: TaskContext): Promise<void> {
  const show = (progress: number) => room(id).publish(channelLayer, 'progress', { progress })
  try {
    const made = await reportOn(id, show, signal)
    // The picture is stored first, so that a page finds it.
    await room(id).publish(channelLayer, 'reported', made, { id: `report ${made.at}` })
  } catch (error) {
    await room(id).publish(channelLayer, 'reportFailed', {})
    throw error
  }
}

/** Counts the words of a room, and stores a picture of the most frequent ones. */
async function reportOn(id: string, show: (progress: number) => Promise<void>, signal: AbortSignal): Promise<Report> {
  await show(0)
  const texts = await textsOf.with({ signal })(id)
  const counts = new Map<string, number>()
  for (let piece = 0; piece < PIECES; piece++) {
    const part = texts.filter((_, i) => i % PIECES === piece)
    for (const [word, count] of await countWords.with({ signal })(part)) {
      counts.set(word, (counts.get(word) ?? 0) + count)
    }
    await show((piece + 1) / PIECES)
  }
  const { words, svg } = await drawWords.with({ signal })(counts)
  const made = { at: Date.now(), words }
  await keepReport(id, made, svg)
  return made
}

/** Run in this process, or with `REDIS_URL` in the processes of `tideway worker dist/application.js --tasks`. */
export const tasks = defineTasks({ report }, { redis: process.env.REDIS_URL || undefined, channelLayer })

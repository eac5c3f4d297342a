import { defineTasks, type TaskContext } from 'tideway/worker'
import { room } from './groups.ts'
import { channelLayer } from './layer.ts'
import { countWords, lastMessages } from './threads.ts'

const PIECES = 4

/** Publishes the most frequent words of a room into it: `hello (3), world (2)`. */
async function report({ room: id }: { room: string }, task: TaskContext): Promise<void> {
  const messages = await lastMessages(id, 10_000)
  const texts = messages.map(({ text }) => text).filter((text) => text !== '/report')
  const counts = new Map<string, number>()
  for (let piece = 0; piece < PIECES; piece++) {
    await room(id).publish(channelLayer, 'progress', { percent: (100 * piece) / PIECES })
    const part = texts.filter((_, i) => i % PIECES === piece)
    for (const [word, count] of await countWords(part)) counts.set(word, (counts.get(word) ?? 0) + count)
  }
  const words = [...counts].sort(([, a], [, b]) => b - a).slice(0, 5)
  const text = words.map(([word, count]) => `${word} (${count})`).join(', ') || 'no words yet'
  await room(id).publish(channelLayer, 'said', { key: task.id, user: 'report', text })
}

/** Run in this process, or with `REDIS_URL` in the processes of `tideway worker application.ts --tasks`. */
export const tasks = defineTasks({ report }, { redis: process.env.REDIS_URL || undefined, channelLayer })

// The code of docs/guides/heavy-work.md: a test holds each block of the guide equal to a part of this file.
import {
  channelNameRouter,
  Consumer,
  defineApplication,
  InMemoryChannelLayer,
  WebSocketConsumer,
  type ChannelLayer,
  type Handlers,
  type TextOrBytes,
} from 'tideway'
import {
  databaseSyncToAsync,
  defineTasks,
  moduleUrl,
  syncToAsync,
  task,
  transfer,
  type TaskEvents,
} from 'tideway/worker'
import { z } from 'zod'

import type * as db from './db.ts'
import type * as images from './images.ts'

export const channelLayer: ChannelLayer = new InMemoryChannelLayer()

const dbModule = moduleUrl<typeof db>('./db.js', import.meta.url)

export const saveMessage = databaseSyncToAsync(dbModule, 'saveMessage')

export const createTables = databaseSyncToAsync(dbModule, 'createTables')

export const invert = syncToAsync(moduleUrl<typeof images>('./images.js', import.meta.url), 'invert')

export class ChatConsumer extends WebSocketConsumer {
  override async receive({ text }: TextOrBytes) {
    const id = await saveMessage.with({ signal: this.signal, timeoutMs: 2000 })('lobby', text!)
    await this.send({ text: `message ${id}` })
  }
}

export async function invertInThread(pixels: Uint8Array<ArrayBuffer>) {
  return invert(transfer(pixels, [pixels.buffer]))
}

export const made: number[] = []

type Jobs = { 'thumbnail.make': { id: number } }

export class ThumbnailConsumer extends Consumer implements Handlers<Jobs> {
  async onThumbnailMake({ id }: Jobs['thumbnail.make']) {
    made.push(id)
  }
}

export const application = defineApplication({
  channelLayers: { default: channelLayer },
  channel: channelNameRouter({ thumbnails: ThumbnailConsumer.asApplication() }),
})

export async function sendJob() {
  await channelLayer.send('thumbnails', { type: 'thumbnail.make', id: 7 })
}

const redis = process.env.REDIS_URL

export const tasks = defineTasks(
  {
    report: task({
      input: z.object({ room: z.string() }),
      attempts: 3,
      backoff: { type: 'exponential', delayMs: 1000 },
      run: async ({ room }, task) => {
        for (let step = 1; step <= 10; step++) await task.progress(step / 10)
        return { words: room.length }
      },
    }),
  },
  { redis, channelLayer },
)

export class ReportConsumer extends WebSocketConsumer implements Handlers<TaskEvents> {
  override async connect() {
    await this.channelLayer.groupAdd('lobby', this.channelName)
    await this.accept()
  }
  override async receive() {
    await tasks.report.enqueue({ room: 'lobby' }, { jobId: 'report-lobby', notify: { group: 'lobby' } })
  }
  onTaskProgress({ progress }: TaskEvents['task.progress']) {
    return this.send({ text: `${Number(progress) * 100} %` })
  }
  onTaskDone({ result }: TaskEvents['task.done']) {
    return this.send({ text: JSON.stringify(result) })
  }
  onTaskFailed({ error }: TaskEvents['task.failed']) {
    return this.send({ text: error.message })
  }
}

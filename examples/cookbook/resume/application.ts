import { InMemoryChannelLayer } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

export const news = defineGroup('news', {
  events: { published: z.object({ title: z.string() }) },
  history: { size: 1000, ttlMs: 3_600_000 },
})

export class NewsConsumer extends LiveConsumer {
  static override groups = { news }

  override authorize() {
    return true
  }
}

export const layer = new InMemoryChannelLayer()
export default recipe(import.meta.dirname, NewsConsumer.asApplication(), layer)

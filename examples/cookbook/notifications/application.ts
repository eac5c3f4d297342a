import { InMemoryChannelLayer } from 'tideway'
import { defineGroup, LiveConsumer, type LiveGroup } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const notices = defineGroup('notices', {
  events: { notified: z.object({ title: z.string(), url: z.string() }) },
  history: { size: 50, ttlMs: 604_800_000 },
})

export class NoticeConsumer extends LiveConsumer {
  static override groups = { notices }

  override authorize({ id }: LiveGroup) {
    return id === this.scope.user.id
  }
}

export const layer = new InMemoryChannelLayer()

/** Call it from a route, a job or a webhook, after the commit. `orderId` makes a repetition harmless. */
export async function notifyShipped(userId: string, orderId: string) {
  const notice = { title: `Order ${orderId} is on its way.`, url: `/orders/${orderId}` }
  await notices(userId).publish(layer, 'notified', notice, { id: `shipped-${orderId}` })
}

export default recipe(import.meta.dirname, NoticeConsumer.asApplication(), layer, async ({ method, url }) => {
  const { pathname, searchParams } = new URL(url)
  if (method !== 'POST' || pathname !== '/shipped') return undefined
  await notifyShipped(searchParams.get('user') ?? '', searchParams.get('order') ?? '')
  return new Response(null, { status: 204 })
})

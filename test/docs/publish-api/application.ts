import { defineApplication, InMemoryChannelLayer, path, urlRouter, type DefinedApplication } from 'tideway'
import { defineGroup, publishApi } from 'tideway/live'
import { z } from 'zod'

const orders = defineGroup('orders', {
  events: { paid: z.object({ order: z.string(), cents: z.int() }) },
  history: { size: 1000, ttlMs: 86_400_000 },
})
const stock = defineGroup('stock', { state: z.object({ pieces: z.int() }) })

// In production a RedisPubSubChannelLayer of @tideway/redis, which all processes share.
export const channelLayer = new InMemoryChannelLayer()

const publish = publishApi(channelLayer, {
  groups: { orders, stock },
  keys: { shop: process.env['PUBLISH_KEY']! },
})

const application: DefinedApplication = defineApplication({
  channelLayers: { default: channelLayer },
  http: urlRouter([path('api/publish', publish)]),
})

export default application

import { RedisPubSubChannelLayer } from '@tideway/redis'
import {
  allowedHostsOriginValidator,
  defineApplication,
  InMemoryChannelLayer,
  lifespanHooks,
  nodeListener,
  path,
  urlRouter,
  type ChannelLayer,
} from 'tideway'

import { startFeed, type Feed } from './feed.ts'
import { DashboardConsumer } from './prices.ts'
import { web } from './web.ts'

const { REDIS_URL, FEED = 'on' } = process.env

export const channelLayer: ChannelLayer =
  REDIS_URL === undefined ? new InMemoryChannelLayer() : new RedisPubSubChannelLayer({ hosts: [REDIS_URL] })

let feed: Feed | undefined

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web()),
  websocket: allowedHostsOriginValidator(urlRouter([path('ws/prices/', DashboardConsumer.asApplication())])),
  lifespan: lifespanHooks({
    async startup() {
      // With several processes on one Redis, one of them has the feed.
      if (FEED === 'on') feed = await startFeed(channelLayer)
    },
    async shutdown() {
      await feed?.stop()
    },
  }),
})

import { RedisPubSubChannelLayer } from '@tideway/redis'
import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  fetchHandler,
  InMemoryChannelLayer,
  urlRouter,
} from 'tideway'
import { pages } from './chat/pages.ts'
import { websocketRoutes } from './chat/routing.ts'

const { REDIS_URL } = process.env

export default defineApplication({
  channelLayers: {
    default: REDIS_URL ? new RedisPubSubChannelLayer({ hosts: [REDIS_URL] }) : new InMemoryChannelLayer(),
  },
  http: fetchHandler(pages),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

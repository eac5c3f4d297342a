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

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: fetchHandler(pages),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

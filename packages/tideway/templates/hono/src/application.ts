import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  fetchHandler,
  InMemoryChannelLayer,
  urlRouter,
} from 'tideway'
import { websocketRoutes } from './chat/routing.ts'
import { web } from './web.ts'

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: fetchHandler(web.fetch),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

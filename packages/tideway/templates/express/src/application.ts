import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  urlRouter,
} from 'tideway'
import { websocketRoutes } from './chat/routing.ts'
import { web } from './web.ts'

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: nodeListener(web),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

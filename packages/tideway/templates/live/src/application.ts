import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  path,
  urlRouter,
} from 'tideway'
import { ChatConsumer } from './chat/consumers.ts'
import { web } from './web.ts'

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: nodeListener(web),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter([path('ws/', ChatConsumer.asApplication())]))),
})

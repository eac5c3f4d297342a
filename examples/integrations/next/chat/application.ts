import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, path, urlRouter } from 'tideway'
import { RoomConsumer } from './consumers.ts'
import { layer } from './layer.ts'

const websocketRoutes = [path('ws/rooms/<slug:room>/', RoomConsumer.asApplication())]

export const application = defineApplication({
  channelLayers: { default: layer },
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

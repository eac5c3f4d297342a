import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  urlRouter,
} from 'tideway'

import { OpenRooms } from './chat/open-rooms.ts'
import { websocketRoutes } from './chat/routing.ts'
import { identity, sessions, users } from './visitors.ts'
import { web } from './web.ts'

const rooms = new OpenRooms()

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: nodeListener(web(rooms)),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(rooms.counting(urlRouter(websocketRoutes)), { sessions, users, identity }),
  ),
})

import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  nodeListener,
  path,
  urlRouter,
} from 'tideway'
import { authExpiry, Revocations } from 'tideway/auth'

import { websocketRoutes } from './chat/routing.ts'
import { channelLayer } from './layer.ts'
import { TakenNames } from './people/taken-names.ts'
import { identity, sessions, users } from './people/visitors.ts'
import { RoomConsumer } from './room/consumers.ts'
import { web } from './web.ts'

export { tasks } from './report/tasks.ts'

const revocations = new Revocations(channelLayer)
const takenNames = new TakenNames(channelLayer)
const routes = takenNames.closing(urlRouter([...websocketRoutes, path('ws/room/', RoomConsumer.asApplication())]))

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web(revocations, takenNames)),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(authExpiry(routes, { revocations }), { sessions, users, identity }),
  ),
})

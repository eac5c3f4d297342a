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
import { closeTakenNames } from './people/taken-names.ts'
import { identity, sessions, users } from './people/visitors.ts'
import { RoomConsumer } from './room/consumers.ts'
import { web } from './web.ts'

export { tasks } from './report/tasks.ts'

const revocations = new Revocations(channelLayer)
const routes = urlRouter([...websocketRoutes, path('ws/room/', RoomConsumer.asApplication())])
const expiring = authExpiry(closeTakenNames(routes, revocations), { revocations })

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web(revocations)),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(expiring, { sessions, users, identity })),
})

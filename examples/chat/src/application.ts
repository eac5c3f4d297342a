import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, nodeListener, urlRouter } from 'tideway'
import { authExpiry, Revocations } from 'tideway/auth'

import { websocketRoutes } from './chat/routing.ts'
import { channelLayer, onGap } from './layer.ts'
import { identity, sessions, users } from './people/visitors.ts'
import { People } from './room/people.ts'
import { roomRoutes } from './room/routing.ts'
import { web } from './web.ts'

export { tasks } from './report/tasks.ts'

const people = new People(channelLayer)
const revocations = new Revocations(channelLayer)
onGap((groups) => void people.recover(groups))
const routes = people.counting(urlRouter([...websocketRoutes, ...roomRoutes(people)]))

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web(people, revocations)),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(authExpiry(routes, { revocations }), { sessions, users, identity }),
  ),
})

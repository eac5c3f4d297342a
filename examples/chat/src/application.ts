import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, nodeListener, urlRouter } from 'tideway'

import { websocketRoutes } from './chat/routing.ts'
import { channelLayer } from './layer.ts'
import { People } from './room/people.ts'
import { roomRoutes } from './room/routing.ts'
import { identity, sessions, users } from './visitors.ts'
import { web } from './web.ts'

const people = new People(channelLayer)
const routes = urlRouter([...websocketRoutes, ...roomRoutes(people)])

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web(people)),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(people.counting(routes), { sessions, users, identity })),
})

import { randomBytes } from 'node:crypto'
import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, urlRouter } from 'tideway'
import { authExpiry, signedCookieSessions } from 'tideway/auth'
import { users } from './chat/accounts.ts'
import { channelLayer } from './chat/layer.ts'
import { revocations } from './chat/people.ts'
import { httpRoutes, websocketRoutes } from './chat/routing.ts'

const secret = process.env.SESSION_SECRET ?? randomBytes(32).toString('base64')
const auth = { sessions: signedCookieSessions({ secret }), users }

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: authMiddlewareStack(urlRouter(httpRoutes), auth),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(authExpiry(urlRouter(websocketRoutes), { revocations }), auth),
  ),
})

import { randomBytes } from 'node:crypto'
import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, urlRouter } from 'tideway'
import { authExpiry, signedCookieSessions } from 'tideway/auth'
import { users } from './chat/accounts.ts'
import { channelLayer } from './chat/layer.ts'
import { revocations } from './chat/people.ts'
import { httpRoutes, websocketRoutes } from './chat/routing.ts'

export { tasks } from './chat/tasks.ts'

const { ALLOWED_ORIGIN, NODE_ENV, SESSION_SECRET } = process.env
if (NODE_ENV === 'production' && !SESSION_SECRET) throw new Error('Set SESSION_SECRET to a random text.')
const secret = SESSION_SECRET || randomBytes(32).toString('base64')
const auth = { sessions: signedCookieSessions({ secret }), users }

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: authMiddlewareStack(urlRouter(httpRoutes), auth),
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(authExpiry(urlRouter(websocketRoutes), { revocations }), auth),
    ALLOWED_ORIGIN ? { allowedHosts: [ALLOWED_ORIGIN] } : {},
  ),
})

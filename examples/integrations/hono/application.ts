import { Hono } from 'hono'
import { jwt, sign } from 'hono/jwt'
import {
  allowedHostsOriginValidator,
  defineApplication,
  fetchHandler,
  InMemoryChannelLayer,
  jwtVerifier,
  tokenMiddleware,
  urlRouter,
} from 'tideway'
import { page } from '../chat/page.ts'
import { isName, users } from '../chat/people.ts'
import { say, websocketRoutes } from '../chat/room.ts'

const secret = process.env['TOKEN_SECRET'] ?? 'for this machine only, and at least 32 bytes long'
const TOKEN_LIFE_SECONDS = 3600
const layer = new InMemoryChannelLayer()

const app = new Hono()

app.get('/', (context) => context.html(page))

app.post('/login', async (context) => {
  const name = context.req.query('name')
  if (!isName(name)) return context.json({ error: 'small letters only' }, 400)
  const exp = Math.floor(Date.now() / 1000) + TOKEN_LIFE_SECONDS
  return context.json({ token: await sign({ sub: name, exp }, secret, 'HS256') })
})

app.post('/rooms/:room/messages', jwt({ secret, alg: 'HS256' }), async (context) => {
  const { sub } = context.get('jwtPayload') as { readonly sub: string }
  await say(layer, context.req.param('room'), sub, context.req.query('text') ?? '')
  return context.body(null, 202)
})

export default defineApplication({
  channelLayers: { default: layer },
  http: fetchHandler(app.fetch),
  // The page shows the token as new WebSocket(url, ['bearer', token]).
  websocket: allowedHostsOriginValidator(
    tokenMiddleware(urlRouter(websocketRoutes), { verify: jwtVerifier({ secret }), users }),
  ),
})

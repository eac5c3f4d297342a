import cookie from '@fastify/cookie'
import session from '@fastify/session'
import fastify, { type FastifyInstance } from 'fastify'
import {
  allowedHostsOriginValidator,
  attach,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  storeSessions,
  urlRouter,
} from 'tideway'
import { page } from '../chat/page.ts'
import { identity, isName, users } from '../chat/people.ts'
import { say, websocketRoutes } from '../chat/room.ts'

declare module 'fastify' {
  interface Session {
    person?: string
  }
}

const secret = process.env['SESSION_SECRET'] ?? 'for this machine only, and at least 32 characters'

/** The whole site. Fastify listens, and tideway answers the WebSocket handshakes of its server. */
export async function site(): Promise<FastifyInstance> {
  const store = new session.MemoryStore()
  const layer = new InMemoryChannelLayer()
  const app = fastify()
  await app.register(cookie)
  await app.register(session, { secret, store, saveUninitialized: false, cookie: { secure: 'auto' } })

  app.get('/', (_request, reply) => reply.type('text/html').send(page))

  app.post<{ Querystring: { name?: string } }>('/login', async (request, reply) => {
    const { name } = request.query
    if (!isName(name)) return reply.code(400).send({ error: 'small letters only' })
    // A new session: an attacker may have planted the old one (session fixation).
    await request.session.regenerate()
    request.session.person = name
    return {}
  })

  app.post<{ Params: { room: string }; Querystring: { text?: string } }>(
    '/rooms/:room/messages',
    async ({ session, params, query }, reply) => {
      if (session.person === undefined) return reply.code(401).send()
      await say(layer, params.room, session.person, query.text ?? '')
      return reply.code(202).send()
    },
  )

  const sessions = storeSessions({ store, secret, name: 'sessionId', cookiePrefix: '' })
  const application = defineApplication({
    channelLayers: { default: layer },
    websocket: allowedHostsOriginValidator(
      authMiddlewareStack(urlRouter(websocketRoutes), { sessions, users, identity }),
    ),
  })
  const attachment = attach(app.server, application)
  // Must run before Fastify waits for its connections, because WebSockets do not end by themselves.
  app.addHook('preClose', () => attachment.close())
  return app
}

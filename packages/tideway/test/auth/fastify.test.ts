import cookie from '@fastify/cookie'
import fastifySession, { type FastifySessionOptions } from '@fastify/session'
import fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import {
  defineApplication,
  nodeListener,
  storeSessions,
  authMiddlewareStack,
  type Application,
  type User,
  type WebSocketScope,
} from 'tideway'
import type { Session, SessionIdentity } from 'tideway/auth'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'

// The real fastify and @fastify/session: the user who logs in on one of its routes is the user of the WebSocket.

declare module 'fastify' {
  interface Session {
    userId?: number
    fromSocket?: string
  }
}

const secret = 'shared by fastify and the WebSocket'
const ada: User = { id: 1, username: 'ada', isAuthenticated: true }

/** The format of the login in the sessions of this site. */
const identity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const id = session.get('userId')
    return typeof id === 'number' ? { id, hash: undefined } : undefined
  },
  write: (session, { id }) => session.set('userId', id),
}

/** Sends the user name, and stores the client's messages in its session. */
const whoAmI: Application<WebSocketScope & { readonly user: User; readonly session: Session }> = async (
  { user, session },
  receive,
  send,
) => {
  await receive()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: user.username })
  for (let event = await receive(); event.type === 'websocket.receive'; event = await receive()) {
    session.set('fromSocket', event.text)
    await session.save()
    await send({ type: 'websocket.send', text: 'saved' })
  }
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

interface Site extends LiveServer {
  readonly store: InstanceType<typeof fastifySession.MemoryStore>
}

async function start(options: Partial<FastifySessionOptions> = {}): Promise<Site> {
  const store = new fastifySession.MemoryStore()
  const app = fastify()
  await app.register(cookie)
  await app.register(fastifySession, {
    secret,
    store,
    saveUninitialized: false,
    cookie: { secure: false, maxAge: 60_000 },
    ...options,
  })
  addRoutes(app)
  await app.ready()
  ends.push(() => app.close())
  const { cookiePrefix = '' } = options
  const sessions = storeSessions({ store, secret, name: 'sessionId', cookiePrefix })
  const server = await liveServer(
    defineApplication({
      http: nodeListener(app.routing),
      websocket: authMiddlewareStack(whoAmI, {
        sessions,
        users: { findById: (id) => (id === 1 ? ada : undefined) },
        identity,
      }),
    }),
    { logger: { debug() {}, info() {}, warn() {}, error: console.error } },
  )
  ends.push(() => server.close(1))
  return Object.assign(server, { store })
}

function addRoutes(app: FastifyInstance): void {
  app.post('/login', async (request) => {
    await request.session.regenerate()
    request.session.userId = 1
    return 'welcome'
  })
  app.post('/logout', async (request) => {
    await request.session.destroy()
    return 'bye'
  })
  app.get('/', async ({ session }) => ({ userId: session.userId, fromSocket: session.fromSocket }))
}

async function post(url: string, sent = ''): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: { cookie: sent } })
  expect(response.status).toBe(200)
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

async function connect(server: LiveServer, sent: string): Promise<{ socket: WebSocket; user: string }> {
  const socket = new WebSocket(server.webSocketUrl, { headers: { cookie: sent } })
  const [message] = (await once(socket, 'message')) as [Buffer]
  return { socket, user: message.toString() }
}

let server: Site
beforeEach(async () => {
  server = await start()
})

it('finds the user who logged in over a route of fastify, until the logout', async () => {
  expect((await connect(server, '')).user).toBe('')
  const login = await post(`${server.url}/login`)
  expect(login).toMatch(/^sessionId=[\w-]{32}\./)
  expect((await connect(server, login)).user).toBe('ada')
  await post(`${server.url}/logout`, login)
  expect((await connect(server, login)).user).toBe('')
})

it('finds the session with the same cookie prefix on both sides', async () => {
  const prefixed = await start({ cookiePrefix: 's:' })
  expect((await connect(prefixed, await post(`${prefixed.url}/login`))).user).toBe('ada')
})

it('treats a forged cookie as anonymous', async () => {
  const login = await post(`${server.url}/login`)
  const at = login.indexOf('=') + 1
  const forged = login.slice(0, at) + (login[at] === 'a' ? 'b' : 'a') + login.slice(at + 1)
  expect((await connect(server, forged)).user).toBe('')
})

it('saves values that fastify reads', async () => {
  const login = await post(`${server.url}/login`)
  const { socket } = await connect(server, login)
  socket.send('hello')
  await once(socket, 'message')
  const response = await fetch(server.url, { headers: { cookie: login } })
  expect(await response.json()).toEqual({ userId: 1, fromSocket: 'hello' })
})

it('keeps the expiry of a session, also in a store of objects', async () => {
  const expires = new Date(Date.now() + 3_600_000)
  const site = await start({ cookie: { secure: false, expires } })
  const login = await post(`${site.url}/login`)
  const { socket } = await connect(site, login)
  socket.send('hello')
  await once(socket, 'message')
  const [id] = decodeURIComponent(login.slice('sessionId='.length)).split('.') as [string]
  const stored = await new Promise((resolve, reject) => {
    site.store.get(id, (error, session) => (session ? resolve(session) : reject(error)))
  })
  expect(stored).toMatchObject({ fromSocket: 'hello', cookie: { expires } })
})

import express from 'express'
import expressSession from 'express-session'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  authMiddlewareStack,
  login,
  passportIdentity,
  sessionMiddlewareStack,
  storeSessions,
  type Session,
  type SessionStore,
  type UserStore,
} from 'tideway/auth'
import { allowedHostsOriginValidator } from 'tideway/security'
import { nodeListener, serve, type RunningServer } from 'tideway/server'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { defineApplication } from '../../src/application/define-application.ts'
import type { Application } from '../../src/asgi/application.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import type { User } from '../../src/asgi/user.ts'

declare module 'express-session' {
  interface SessionData {
    passport: { user: number }
    visits: number
    fromSocket: string
  }
}

const secret = 'shared by Express and the WebSocket'
const ada: User = { id: 1, username: 'ada', isAuthenticated: true }
const users: UserStore = { findById: (id) => (id === 1 ? ada : undefined) }

let running: RunningServer | undefined
afterEach(() => running?.close(1000))

/** Sends the user name, and runs the client's commands on its session. */
const whoAreYou: Application<WebSocketScope & { user: User; session: Session }> = async (scope, receive, send) => {
  await receive()
  if (scope.path === '/login') {
    await login(scope, ada)
    await scope.session.save()
  }
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: `${scope.user.username}, visits: ${String(scope.session.get('visits'))}` })
  for (let event = await receive(); event.type === 'websocket.receive'; event = await receive()) {
    scope.session.set('fromSocket', event.text)
    await scope.session.save()
    await send({ type: 'websocket.send', text: 'saved' })
  }
}

/** A site whose pages are Express's and whose sessions are express-session's, in its own store or another. */
async function start(store: expressSession.Store, socketStore: SessionStore = store): Promise<string> {
  const app = express()
  app.use(expressSession({ secret, store, resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }))
  app.post('/login', (request, response) => {
    // As request.login() of passport: a new session with the id of the user.
    request.session.regenerate(() => {
      request.session.passport = { user: 1 }
      request.session.visits = 1
      response.send('welcome')
    })
  })
  app.post('/logout', (request, response) => request.session.destroy(() => response.send('bye')))
  app.get('/', (request, response) => {
    const { passport, visits, fromSocket } = request.session
    response.json({ user: passport?.user, visits, fromSocket })
  })
  const sessions = storeSessions({ store: socketStore, secret })
  const application = defineApplication({
    http: nodeListener(app),
    websocket: allowedHostsOriginValidator(
      authMiddlewareStack(whoAreYou, { sessions, users, identity: passportIdentity }),
    ),
  })
  running = await serve(application, { port: 0, logger: { debug() {}, info() {}, warn() {}, error() {} } })
  return running.url
}

async function post(url: string, cookie = ''): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: { cookie } })
  expect(response.status).toBe(200)
  return (response.headers.get('set-cookie') ?? '').split(';')[0]!
}

interface Connected {
  readonly socket: WebSocket
  readonly greeting: string
  /** The cookie that came with the accept. */
  readonly cookie: string
}

async function connect(url: string, cookie: string, path = '/', origin = url): Promise<Connected> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers: { cookie }, origin })
  let set = ''
  socket.once('upgrade', (response) => (set = response.headers['set-cookie']?.[0]?.split(';')[0] ?? ''))
  const [data] = (await once(socket, 'message')) as [Buffer]
  return { socket, greeting: data.toString(), cookie: set }
}

async function statusOfRefusal(url: string, cookie: string, origin = url): Promise<number | undefined> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { cookie }, origin })
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number; resume(): void }]
  response.resume()
  return response.statusCode
}

test('finds on the WebSocket the user who logged in over Express, until the logout', async () => {
  const url = await start(new expressSession.MemoryStore())
  expect((await connect(url, '')).greeting).toBe(', visits: undefined')

  const cookie = await post(`${url}/login`)
  expect(cookie).toMatch(/^connect\.sid=s%3A/)
  expect((await connect(url, cookie)).greeting).toBe('ada, visits: 1')

  await post(`${url}/logout`, cookie)
  expect((await connect(url, cookie)).greeting).toBe(', visits: undefined')
})

test('saves values for Express without losing others of the session', async () => {
  const url = await start(new expressSession.MemoryStore())
  const cookie = await post(`${url}/login`)
  const { socket } = await connect(url, cookie)
  socket.send('hello')
  await once(socket, 'message')
  const response = await fetch(url, { headers: { cookie } })
  expect(await response.json()).toEqual({ user: 1, visits: 1, fromSocket: 'hello' })
})

test('starts a session before the accept that Express reads', async () => {
  const url = await start(new expressSession.MemoryStore())
  const { cookie, greeting } = await connect(url, '', '/login')
  expect(greeting).toBe('ada, visits: undefined')
  const response = await fetch(url, { headers: { cookie } })
  expect(await response.json()).toEqual({ user: 1 })
})

test.each<expressSession.CookieOptions>([
  { maxAge: 60_000 },
  { maxAge: 60_000, httpOnly: false },
  { maxAge: 60_000, sameSite: true },
  { maxAge: 60_000, sameSite: 'none', partitioned: true, priority: 'high' },
  { maxAge: 60_000, sameSite: 'lax', priority: 'low', path: '/chat' },
])('sets the cookie again with the attributes of Express: %j', async (cookie) => {
  const store = new expressSession.MemoryStore()
  const app = express()
  app.use(expressSession({ secret, store, resave: false, saveUninitialized: true, cookie }))
  app.get('/chat', (_request, response) => {
    response.send('welcome')
  })
  const greet: Application<WebSocketScope & { session: Session }> = async (_scope, receive, send) => {
    await receive()
    await send({ type: 'websocket.accept' })
  }
  const sessions = storeSessions({ store, secret })
  const websocket = allowedHostsOriginValidator(sessionMiddlewareStack(greet, { sessions, rolling: true }))
  running = await serve(defineApplication({ http: nodeListener(app), websocket }), { port: 0 })
  const byExpress = (await fetch(`${running.url}/chat`)).headers.getSetCookie()

  const headers = { cookie: byExpress[0]!.split(';')[0]! }
  const socket = new WebSocket(`${running.webSocketUrl}/chat`, { headers, origin: running.url })
  const [response] = (await once(socket, 'upgrade')) as [IncomingMessage]
  await once(socket, 'close')
  const attributesOf = (header: string) =>
    header
      .split('; ')
      .filter((part) => !part.startsWith('Expires='))
      .toSorted()
  expect(response.headers['set-cookie']!.map(attributesOf)).toEqual(byExpress.map(attributesOf))
})

test('treats a forged cookie as anonymous', async () => {
  const url = await start(new expressSession.MemoryStore())
  const cookie = await post(`${url}/login`)
  expect((await connect(url, cookie.slice(0, -1))).greeting).toBe(', visits: undefined')
})

test('answers the handshake with 503 while the store is down', async () => {
  const down: SessionStore = {
    get: (_id, done) => done(new Error('ECONNREFUSED')),
    set: () => {},
    destroy: () => {},
  }
  const url = await start(new expressSession.MemoryStore(), down)
  const cookie = await post(`${url}/login`)
  expect(await statusOfRefusal(url, cookie)).toBe(503)
  expect((await connect(url, '')).greeting).toBe(', visits: undefined')
})

test('answers a page of another site with 403', async () => {
  const url = await start(new expressSession.MemoryStore())
  const cookie = await post(`${url}/login`)
  expect(await statusOfRefusal(url, cookie, 'https://bad-domain.com')).toBe(403)
})

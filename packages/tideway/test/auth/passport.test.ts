import express from 'express'
import expressSession from 'express-session'
import { once } from 'node:events'
import passport from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import {
  defineApplication,
  nodeListener,
  storeSessions,
  authMiddlewareStack,
  type Application,
  type User,
  type WebSocketScope,
} from 'tideway'
import { passportIdentity } from 'tideway/auth'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'

// The real passport and express-session: the user who logs in on a page of Express is the user of the WebSocket.

const secret = 'shared by Express and the WebSocket'
const people: readonly User[] = [{ id: 7, username: 'ada', isAuthenticated: true }]
const byId = (id: string | number): User | undefined => people.find((person) => person.id === Number(id))

const whoAmI: Application<WebSocketScope & { readonly user: User }> = async (scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: scope.user.username })
  await receive()
}

let server: LiveServer
beforeEach(async () => {
  const authenticator = new passport.Passport()
  authenticator.use(
    new LocalStrategy((username, password, done) => {
      const person = people.find((one) => one.username === username)
      done(null, person !== undefined && password === 'lovelace' ? person : false)
    }),
  )
  authenticator.serializeUser((user, done) => done(null, (user as User).id))
  authenticator.deserializeUser((id: number, done) => done(null, byId(id) as Express.User | undefined))

  const store = new expressSession.MemoryStore()
  const app = express()
  app.use(express.urlencoded())
  app.use(expressSession({ secret, store, resave: false, saveUninitialized: false }))
  app.use(authenticator.session())
  app.post('/login', authenticator.authenticate('local') as express.RequestHandler, (_request, response) => {
    response.send('welcome')
  })
  app.post('/logout', (request, response, next) => {
    request.logout((error) => (error === undefined ? response.send('bye') : next(error)))
  })
  const application = defineApplication({
    http: nodeListener(app),
    websocket: authMiddlewareStack(whoAmI, {
      sessions: storeSessions({ store, secret }),
      users: { findById: byId },
      identity: passportIdentity,
    }),
  })
  server = await liveServer(application, { logger: { debug() {}, info() {}, warn() {}, error: console.error } })
})
afterEach(() => server.close(1))

async function post(path: string, fields: Record<string, string>, cookie = ''): Promise<Response> {
  const body = new URLSearchParams(fields)
  return fetch(server.url + path, { method: 'POST', body, headers: { cookie } })
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

/** Returns the user name that a WebSocket with this cookie sends. */
async function userWith(cookie: string): Promise<string> {
  const client = new WebSocket(server.webSocketUrl, { headers: { cookie } })
  const [message] = (await once(client, 'message')) as [Buffer]
  client.close()
  return message.toString()
}

it('finds the user whom passport has logged in', async () => {
  const response = await post('/login', { username: 'ada', password: 'lovelace' })
  expect(response.status).toBe(200)
  expect(await userWith(cookieOf(response))).toBe('ada')
})

it('finds no user after a wrong password, without a cookie, and after the logout', async () => {
  const refused = await post('/login', { username: 'ada', password: 'byron' })
  expect(refused.status).toBe(401)
  expect(await userWith(cookieOf(refused))).toBe('')
  expect(await userWith('')).toBe('')
  const cookie = cookieOf(await post('/login', { username: 'ada', password: 'lovelace' }))
  expect((await post('/logout', {}, cookie)).status).toBe(200)
  expect(await userWith(cookie)).toBe('')
})

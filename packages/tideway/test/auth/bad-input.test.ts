import * as fc from 'fast-check'
import { SignJWT } from 'jose'
import { randomBytes } from 'node:crypto'
import {
  authMiddlewareStack,
  firstMessageTokenMiddleware,
  jwtVerifier,
  login,
  MemorySessionStore,
  signedCookieSessions,
  storeSessions,
  Tickets,
  tokenMiddleware,
  type LoginScope,
  type SessionBackend,
  type UserStore,
} from 'tideway/auth'
import { expect, it, onTestFinished, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import type { HeadersInit } from '../../src/asgi/headers.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import type { Authenticated, User } from '../../src/asgi/user.ts'
import { RawClient, requestText, validHandshake } from '../server/raw-client.ts'
import { serving } from '../server/serving.ts'
import { anyText, byteText } from './arbitrary-text.ts'
import { cookieHeader, httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

// All credentials at once: a session, a token in two places, a ticket. The answer to the handshake shows which of them is invalid.

const secret = 'a secret that has the thirty-two bytes that HMAC wants'
const ada: User = { id: 'ada', username: 'ada', isAuthenticated: true }
const users: UserStore = { findById: (id) => (id === 'ada' ? ada : undefined) }
const verify = jwtVerifier({ secret })

interface Door {
  readonly sessions: SessionBackend
  readonly tickets: Tickets
  readonly application: Application<WebSocketScope>
}

const sayWho: Application<WebSocketScope & Authenticated> = async ({ user }, _receive, send) => {
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: user.username || 'anonymous' })
}

function door(sessions: SessionBackend = storeSessions({ secret }), tickets: Tickets = new Tickets()): Door {
  const inside = tokenMiddleware(sayWho, { verify, users, tickets })
  return { sessions, tickets, application: authMiddlewareStack(inside, { sessions, users }) }
}

/** Returns the user name of an accepted client, or the status of the rejection. */
async function comeIn(application: Application<WebSocketScope>, headers: HeadersInit, query = ''): Promise<unknown> {
  const scope = webSocketScope(headers, { queryString: query })
  const [first, second] = await run(application, scope, [{ type: 'websocket.connect' }])
  if (first?.type === 'websocket.accept' && second?.type === 'websocket.send') return second.text
  return first?.type === 'websocket.http.response.start' ? first.status : first
}

/** The `Cookie` header of a login. */
async function cookieOfAda(sessions: SessionBackend): Promise<string> {
  const view: Application<HttpScope & LoginScope> = async (scope, _receive, send) => {
    await login(scope, ada)
    await send({ type: 'http.response.start', status: 200 })
  }
  const [response] = await run(authMiddlewareStack(view, { sessions, users }), httpScope())
  return cookieHeader(setCookiesOf(response))
}

function jwt(claims: Readonly<Record<string, unknown>> = {}, exp: number | string = '1m'): Promise<string> {
  const token = new SignJWT({ sub: 'ada', ...claims }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(exp)
  return token.sign(new TextEncoder().encode(secret))
}

const kinds = [
  ['in a store', () => storeSessions({ store: new MemorySessionStore(), secret })],
  ['in its cookie', () => signedCookieSessions({ secret })],
] as const

it.each(kinds)('treats a truncated cookie of a session %s as anonymous', async (_where, make) => {
  const { application, sessions } = door(make())
  const cookie = await cookieOfAda(sessions)
  expect(await comeIn(application, { cookie })).toBe('ada')
  for (let length = 0; length < cookie.length; length++) {
    expect(await comeIn(application, { cookie: cookie.slice(0, length) }), `${length} characters`).toBe('anonymous')
  }
})

it.each(kinds)('treats an oversized cookie of a session %s as anonymous', async (_where, make) => {
  const { application, sessions } = door(make())
  const [name, value] = (await cookieOfAda(sessions)).split('=') as [string, string]
  expect(await comeIn(application, { cookie: `${name}=${'A'.repeat(1024 * 1024)}${value}` })).toBe('anonymous')
})

it('invalidates copies of a cookie at the logout, unless the cookie holds the session itself', async () => {
  const inStore = door(storeSessions({ store: new MemorySessionStore(), secret }))
  const inCookie = door(signedCookieSessions({ secret, maxAgeMs: 60_000 }))
  const logout: Application<HttpScope & LoginScope> = async ({ session }, _receive, send) => {
    await session.flush()
    await send({ type: 'http.response.start', status: 200 })
  }
  const copies = new Map<Door, string>()
  for (const each of [inStore, inCookie]) {
    const cookie = await cookieOfAda(each.sessions)
    copies.set(each, cookie)
    await run(authMiddlewareStack(logout, { sessions: each.sessions, users }), httpScope({ cookie }))
  }
  expect(await comeIn(inStore.application, { cookie: copies.get(inStore)! })).toBe('anonymous')
  expect(await comeIn(inCookie.application, { cookie: copies.get(inCookie)! })).toBe('ada')
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  expect(await comeIn(inCookie.application, { cookie: copies.get(inCookie)! })).toBe('anonymous')
})

it('answers a truncated or oversized token with 401', async () => {
  const { application } = door()
  const token = await jwt()
  for (let length = 1; length < token.length; length++) {
    const authorization = `Bearer ${token.slice(0, length)}`
    expect(await comeIn(application, { authorization }), `${length} characters`).toBe(401)
  }
  const large = await jwt({ filler: 'x'.repeat(1024 * 1024) })
  expect(await comeIn(application, { authorization: `Bearer ${large}` })).toBe(401)
})

it('accepts a token again until it expires', async () => {
  const { application } = door()
  const authorization = `Bearer ${await jwt()}`
  expect(await comeIn(application, { authorization })).toBe('ada')
  expect(await comeIn(application, { authorization })).toBe('ada')
  vi.useFakeTimers({ now: Date.now() + 70_000, toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  expect(await comeIn(application, { authorization })).toBe(401)
})

it('answers a truncated or oversized ticket with 401 and keeps the real one valid', async () => {
  const { application, tickets } = door()
  const ticket = await tickets.issue('ada')
  for (const wrong of [ticket.slice(0, -1), `${ticket}A`, ticket.repeat(32_768)]) {
    expect(await comeIn(application, {}, `ticket=${wrong}`)).toBe(401)
  }
  expect(await comeIn(application, {}, `ticket=${ticket}`)).toBe('ada')
})

it('accepts one of two clients that present the same ticket at once', async () => {
  const { application, tickets } = door()
  const ticket = await tickets.issue('ada')
  const both = await Promise.all([1, 2].map(() => comeIn(application, {}, `ticket=${ticket}`)))
  expect(both).toEqual(expect.arrayContaining(['ada', 401]))
})

it('answers with 503 while the ticket store is down', async () => {
  const cause = new Error('ECONNREFUSED')
  const tickets = new Tickets({ store: { put: () => {}, take: () => Promise.reject(cause) } })
  const { application } = door(undefined, tickets)
  const ticket = await tickets.issue('ada')
  await expect(comeIn(application, {}, `ticket=${ticket}`)).rejects.toMatchObject({ status: 503, cause })
})

it('accepts arbitrary credentials as anonymous or answers them with 401', async () => {
  const { application } = door()
  const base64url = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
  const part = fc.oneof(byteText, base64url)
  const shown = fc.record({
    cookie: fc.oneof(
      byteText,
      part.map((value) => `connect.sid=s:${value}`),
      fc.tuple(part, part).map(([id, signature]) => `connect.sid=s%3A${id}.${signature}`),
    ),
    authorization: fc.oneof(
      byteText,
      fc.array(part, { maxLength: 4 }).map((parts) => `Bearer ${parts.join('.')}`),
    ),
    query: fc.oneof(
      anyText,
      part.map((ticket) => `ticket=${ticket}`),
    ),
    subprotocols: fc.array(fc.oneof(fc.constant('bearer'), part), { maxLength: 3 }),
  })
  const property = fc.asyncProperty(shown, async ({ cookie, authorization, query, subprotocols }) => {
    for (const headers of [{ cookie }, { cookie, authorization }, {}]) {
      const scope = webSocketScope(headers, { queryString: query, subprotocols })
      const [first] = await run(application, scope, [{ type: 'websocket.connect' }])
      expect(first).toMatchObject(
        first?.type === 'websocket.accept' ? {} : { type: 'websocket.http.response.start', status: 401 },
      )
    }
  })
  await fc.assert(property)
})

it('closes a client with 4401 after an arbitrary first message', async () => {
  const application = firstMessageTokenMiddleware(sayWho, { verify, users })
  const property = fc.asyncProperty(fc.oneof(anyText, byteText), fc.boolean(), async (text, isBinary) => {
    const message = isBinary ? { bytes: Buffer.from(text, 'latin1') } : { text }
    const events = [{ type: 'websocket.connect' }, { type: 'websocket.receive', ...message }] as const
    const [, second] = await run(application, webSocketScope(), events)
    expect(second).toMatchObject({ type: 'websocket.close', code: 4401 })
  })
  await fc.assert(property)
})

it.each(['Cookie', 'Authorization', 'Sec-WebSocket-Protocol', 'Origin'])(
  'a %s header of 1 MB is answered with 431, and the next client is served',
  async (name) => {
    const { application } = door()
    const { port } = await serving({ websocket: application })
    const client = await RawClient.connect(port)
    onTestFinished(() => void client.socket.destroy())
    const filler = randomBytes(512 * 1024).toString('hex')
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, [name]: filler }))
    expect(await client.head()).toMatchObject({ status: 431 })
    const next = await RawClient.connect(port)
    onTestFinished(() => void next.socket.destroy())
    next.write(requestText('GET / HTTP/1.1', validHandshake))
    expect(await next.head()).toMatchObject({ status: 101 })
  },
)

import { once } from 'node:events'
import {
  authExpiry,
  authMiddlewareStack,
  djangoSessions,
  login,
  logout,
  type LoginScope,
  MemorySessionStore,
  Revocations,
  signedCookieSessions,
  storeSessions,
  tokenMiddleware,
  type UserStore,
  type AuthExpiryOptions,
  type RevocationLayer,
  type SessionBackend,
  type SessionStore,
} from 'tideway/auth'
import { InMemoryChannelLayer } from 'tideway/layer'
import { serve, type RunningServer } from 'tideway/server'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import { WebSocket } from 'ws'

import { defineApplication } from '../../src/application/define-application.ts'
import type { Application } from '../../src/asgi/application.ts'
import { setTraits } from '../../src/asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import type { Authenticated, User } from '../../src/asgi/user.ts'
import { cookieHeader, httpScope, run, setCookiesOf } from './connection.ts'

const secret = 'a secret of these tests'
const ada: User = { id: 1, username: 'ada', isAuthenticated: true }
const people = new Map([[1, ada]])
const users: UserStore = { findById: (id) => people.get(Number(id)) }

const whoAreYou: Application<WebSocketScope & Authenticated> = async (scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: scope.user.username || 'anonymous' })
  while ((await receive()).type !== 'websocket.disconnect') continue
}

const warnings: string[] = []
let running: RunningServer | undefined

beforeEach(() => {
  people.set(1, ada)
  warnings.length = 0
})
afterEach(async () => {
  vi.useRealTimers()
  await running?.close(1000)
})

async function start(websocket: Application<WebSocketScope>): Promise<string> {
  const logger = {
    debug() {},
    info() {},
    warn: (_details: object, message: string) => warnings.push(message),
    error() {},
  }
  running = await serve(setTraits(defineApplication({ websocket }), { checksOrigin: true }), { port: 0, logger })
  return running.webSocketUrl
}

/** An HTTP request that does something with its session; returns the cookie that it set. */
async function request(sessions: SessionBackend, view: (scope: LoginScope) => unknown, cookie = ''): Promise<string> {
  const application: Application<HttpScope & LoginScope> = async (scope, _receive, send) => {
    await view(scope)
    await send({ type: 'http.response.start', status: 200 })
  }
  const [response] = await run(authMiddlewareStack(application, { sessions, users }), httpScope({ cookie }))
  return cookieHeader(setCookiesOf(response))
}

const cookieOfAda = (sessions: SessionBackend): Promise<string> => request(sessions, (scope) => login(scope, ada))

async function connect(url: string, cookie: string): Promise<{ name: string; closed: Promise<[number, string]> }> {
  const socket = new WebSocket(url, { headers: { cookie } })
  const closed = once(socket, 'close').then(([code, reason]): [number, string] => [
    code as number,
    (reason as Buffer).toString(),
  ])
  const [name] = (await once(socket, 'message')) as [Buffer]
  return { name: name.toString(), closed }
}

describe('authExpiry', () => {
  const site = (options: AuthExpiryOptions, store: SessionStore = new MemorySessionStore()) => {
    const sessions = storeSessions({ store, secret })
    return { sessions, application: authMiddlewareStack(authExpiry(whoAreYou, options), { sessions, users }) }
  }

  test('closes a connection with 4401 when the person logs out elsewhere', async () => {
    const { sessions, application } = site({ checkIntervalMs: 20 })
    const cookie = await cookieOfAda(sessions)
    const { name, closed } = await connect(await start(application), cookie)
    expect(name).toBe('ada')
    await request(sessions, logout, cookie)
    expect(await closed).toEqual([4401, 'logged out'])
  })

  test('closes a connection with 4401 when its user was deleted', async () => {
    const { sessions, application } = site({ checkIntervalMs: 20 })
    const { closed } = await connect(await start(application), await cookieOfAda(sessions))
    people.clear()
    expect(await closed).toEqual([4401, 'logged out'])
  })

  test.each([
    ['signedCookieSessions', signedCookieSessions({ secret, maxAgeMs: 60_000 })],
    ['djangoSessions in signed cookies', djangoSessions({ secretKey: secret, maxAgeMs: 60_000 })],
  ])(
    'closes a connection with 4401 when the session of %s, held by its cookie alone, has expired',
    async (_name, sessions) => {
      const application = authMiddlewareStack(authExpiry(whoAreYou, { checkIntervalMs: 20 }), { sessions, users })
      const cookie = await cookieOfAda(sessions)
      const { name, closed } = await connect(await start(application), cookie)
      expect(name).toBe('ada')
      vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
      expect(await closed).toEqual([4401, 'logged out'])
    },
  )

  test('keeps a connection open while the store is down, warns, and reads the store again', async () => {
    const memory = new MemorySessionStore()
    let down = false
    let asked = 0
    const store: SessionStore = {
      get: (id, done) => (down && asked++ < 2 ? done(new Error('down')) : memory.get(id, done)),
      set: (id, session, done) => memory.set(id, session, done),
      destroy: (id, done) => memory.destroy(id, done),
    }
    const { sessions, application } = site({ checkIntervalMs: 20 }, store)
    const { closed } = await connect(await start(application), await cookieOfAda(sessions))
    down = true
    people.clear()
    expect(await closed).toEqual([4401, 'logged out'])
    expect(warnings).toHaveLength(2)
  })

  test('keeps anonymous connections open', async () => {
    const { application } = site({ checkIntervalMs: 1, revocations: new Revocations(new InMemoryChannelLayer()) })
    expect((await connect(await start(application), '')).name).toBe('anonymous')
  })

  test('rejects a scope without a user', async () => {
    const application = authExpiry(async () => {}) as unknown as Application<HttpScope>
    await expect(run(application, httpScope())).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'authExpiry needs scope.user: put authMiddleware or tokenMiddleware outside it.',
    })
  })

  test.each([0, -1, Number.NaN, 2 ** 31])('rejects a checkIntervalMs of %d', (checkIntervalMs) => {
    expect(() => authExpiry(whoAreYou, { checkIntervalMs })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION' }),
    )
  })

  test('accepts the user type of the outer stack', () => {
    expectTypeOf(authExpiry(whoAreYou)).not.toExtend<Application<WebSocketScope>>()
    expectTypeOf(authMiddlewareStack(authExpiry(whoAreYou))).toExtend<Application<WebSocketScope>>()
  })
})

describe('Revocations', () => {
  test('closes the connections of the revoked user only, in all processes of the layer', async () => {
    // Two objects on one layer stand for two processes.
    const layer = new InMemoryChannelLayer()
    const here = new Revocations(layer)
    const there = new Revocations(layer)
    const sessions = storeSessions({ secret })
    const revocable = (revocations: Revocations) =>
      authMiddlewareStack(authExpiry(whoAreYou, { revocations }), { sessions, users })
    const cookie = await cookieOfAda(sessions)
    const url = await start(revocable(here))
    const tabs = [await connect(url, cookie), await connect(url, cookie)]
    expect(here.size).toBe(1)
    await there.revoke(2)
    await there.revoke(1)
    for (const { closed } of tabs) expect(await closed).toEqual([4401, 'revoked'])
  })

  test('closes connections that were authenticated by a token', async () => {
    const revocations = new Revocations(new InMemoryChannelLayer())
    const verify = async () => ({ subject: 1, expiresAt: undefined, claims: {} })
    const url = await start(tokenMiddleware(authExpiry(whoAreYou, { revocations }), { verify, users }))
    const socket = new WebSocket(url, ['bearer', 'token'])
    await once(socket, 'message')
    await revocations.revoke(1)
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(4401)
  })

  test('removes the callback of a connection that has ended', async () => {
    const revocations = new Revocations(new InMemoryChannelLayer())
    const [first, second] = [await revocations.register(1, () => {}), await revocations.register(1, () => {})]
    first()
    first()
    expect(revocations.size).toBe(1)
    second()
    expect(revocations.size).toBe(0)
  })

  test('rejects a connection while the layer is down, and listens again for the next one', async () => {
    const real = new InMemoryChannelLayer()
    let down = true
    const layer: RevocationLayer = {
      newChannel: (prefix) => real.newChannel(prefix),
      attach: (channel, receiver) => real.attach(channel, receiver),
      detach: (channel) => real.detach(channel),
      groupAdd: (group, channel) => (down ? Promise.reject(new Error('down')) : real.groupAdd(group, channel)),
      groupSend: (group, message) => real.groupSend(group, message),
    }
    const revocations = new Revocations(layer)
    await expect(revocations.register(1, () => {})).rejects.toThrow('down')
    expect(revocations.size).toBe(0)
    down = false
    let ended = 0
    await revocations.register(1, () => ended++)
    await revocations.revoke(1)
    expect(ended).toBe(1)
    await revocations.close()
    await revocations.revoke(1)
    expect(ended).toBe(1)
  })
})

import {
  MemorySessionStore,
  sessionMiddlewareStack,
  signedCookieSessions,
  storeSessions,
  type SessionStore,
} from 'tideway/auth'
import { describe, expect, test, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import { httpStatusOf } from '../../src/asgi/http-status.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import { cookieHeader, run, webSocketScope } from './connection.ts'

import { connection, request, secret } from './session-requests.ts'

describe('the secrets of storeSessions', () => {
  test('verify their cookies after a new secret is put before them', async () => {
    const store = new MemorySessionStore()
    const cookie = cookieHeader(
      await request(storeSessions({ store, secret: 'old' }), (session) => session.set('a', 1)),
    )
    const rotated = storeSessions({ store, secret: ['new', 'old'] })
    const renewed = await request(rotated, (session) => session.set('b', session.get('a')), cookie)
    await request(
      storeSessions({ store, secret: 'new' }),
      (session) => expect(session.get('b')).toBe(1),
      cookieHeader(renewed),
    )
  })

  test.each([[''], [[]], [['', 'old']], [['new', '']]])('rejects the secret %j', (secret) => {
    expect(() => storeSessions({ secret })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    expect(() => signedCookieSessions({ secret })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  test('rejects a store without a secret', () => {
    expect(() => storeSessions({ store: new MemorySessionStore() })).toThrow(/give the secret/i)
  })

  test.each([{ maxAgeMs: 0 }, { maxAgeMs: Number.NaN }, { storeTimeoutMs: 0 }, { storeTimeoutMs: 2 ** 31 }])(
    'beside the option %o are refused',
    (option) => {
      expect(() => storeSessions({ secret, ...option })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    },
  )
})

describe('a store that is down', () => {
  const noop = (): void => {}
  const failures: [string, Partial<SessionStore>][] = [
    ['calls back with an error', { get: (_id, done) => done(new Error('ECONNREFUSED')) }],
    [
      'throws',
      {
        get() {
          throw new Error('ECONNREFUSED')
        },
      },
    ],
    ['rejects', { get: () => Promise.reject(new Error('ECONNREFUSED')) }],
    ['answers with no object', { get: (_id, done) => done(null, 'hello') }],
    ['is silent', { get: noop }],
  ]

  test.each(failures)('answers the handshake with 503, and not as anonymous, if it %s', async (_how, failure) => {
    const good = storeSessions({ secret })
    const cookie = cookieHeader(await request(good, (session) => session.set('a', 1)))
    const store: SessionStore = { get: noop, set: noop, destroy: noop, ...failure }
    const inner = vi.fn<Application<WebSocketScope>>()
    const stack = sessionMiddlewareStack(inner, { sessions: storeSessions({ store, secret, storeTimeoutMs: 20 }) })
    const error: unknown = await run(stack, webSocketScope({ cookie })).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'ServiceUnavailableError', code: 'ERR_SERVICE_UNAVAILABLE' })
    expect(httpStatusOf(error)).toBe(503)
    expect(inner).not.toHaveBeenCalled()
  })

  test('keeps the unsaved changes for another save', async () => {
    let down = true
    const memory = new MemorySessionStore()
    const store: SessionStore = {
      get: (id, done) => memory.get(id, done),
      destroy: noop,
      set: (id, session, done) => (down ? done?.(new Error('down')) : memory.set(id, session, done)),
    }
    await connection(storeSessions({ store, secret }), async (session) => {
      session.set('a', 1)
      await expect(session.save()).rejects.toMatchObject({ status: 503, cause: new Error('down') })
      expect(session.modified).toBe(true)
      down = false
      await session.save()
      expect(memory.size).toBe(1)
    })
  })

  test('leaves a session unchanged that cannot be flushed', async () => {
    const memory = new MemorySessionStore()
    const cookie = cookieHeader(
      await request(storeSessions({ store: memory, secret }), (session) => session.set('a', 1)),
    )
    const store: SessionStore = {
      get: (id, done) => memory.get(id, done),
      set: noop,
      destroy: (_id, done) => done?.(new Error('down')),
    }
    await connection(
      storeSessions({ store, secret }),
      async (session) => {
        await expect(session.flush()).rejects.toMatchObject({ status: 503 })
        expect(session.get('a')).toBe(1)
      },
      () => {},
      cookie,
    )
  })
})

describe('signedCookieSessions', () => {
  test('stores the data in the cookie', async () => {
    const sessions = signedCookieSessions({ secret })
    const cookies = await request(sessions, (session) => session.set('name', 'Ada'))
    expect(cookies[0]).toMatch(/^tideway\.session=tideway-session\.[^;]+; Max-Age=1209600; .*HttpOnly/)
    await request(
      signedCookieSessions({ secret: ['new', secret] }),
      (session) => expect(session.get('name')).toBe('Ada'),
      cookieHeader(cookies),
    )
  })

  test('ends a session at its expiry', async () => {
    const sessions = signedCookieSessions({ secret, maxAgeMs: 1000 })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    vi.useFakeTimers({ now: Date.now() + 1000 })
    try {
      await request(sessions, (session) => expect(session.isEmpty).toBe(true), cookie)
    } finally {
      vi.useRealTimers()
    }
  })

  test('rejects a save after the response has begun', async () => {
    const sessions = signedCookieSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await connection(
      sessions,
      () => {},
      async (session) => {
        session.set('a', 2)
        await expect(session.save()).rejects.toMatchObject({ code: 'ERR_OUT_OF_TURN' })
      },
      cookie,
    )
  })

  test('rejects data that make a cookie which browsers do not store', async () => {
    const sessions = signedCookieSessions({ secret })
    const save = (length: number): Promise<unknown> =>
      request(sessions, (session) => session.set('a', 'x'.repeat(length)))
    // 4096 less the name, the mark, the signature with all it may have to escape, and the rest of the JSON, in base64.
    await save(2930)
    await expect(save(2990)).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
  })

  test('flushes a session by deleting the cookie', async () => {
    const sessions = signedCookieSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const [header] = await request(sessions, (session) => session.flush(), cookie)
    expect(header).toMatch(/^tideway\.session=; Max-Age=0/)
  })

  test('rejects the signed id of a stored session as data', async () => {
    const cookie = cookieHeader(
      await request(storeSessions({ secret, name: 'tideway.session', cookiePrefix: '' }), (s) => s.set('a', 1)),
    )
    await request(signedCookieSessions({ secret }), (session) => expect(session.isEmpty).toBe(true), cookie)
  })
})

describe('MemorySessionStore', () => {
  const stored = (expires?: Date) => ({ cookie: { originalMaxAge: null, expires }, a: 1 })
  const get = (store: MemorySessionStore, id: string): Promise<unknown> =>
    new Promise((resolve) => store.get(id, (_error, session) => resolve(session)))

  test('evicts the least recently used session at its bound', async () => {
    const store = new MemorySessionStore({ maxSessions: 2 })
    store.set('one', stored())
    store.set('two', stored())
    await get(store, 'one')
    store.set('three', stored())
    expect(store.size).toBe(2)
    expect(await get(store, 'two')).toBeUndefined()
    expect(await get(store, 'one')).toMatchObject({ a: 1 })
  })

  test('ends a session at the expiry of its cookie or of the store', async () => {
    const store = new MemorySessionStore({ ttlMs: 1000 })
    store.set('own', stored())
    store.set('cookie', stored(new Date(Date.now() + 2000)))
    vi.useFakeTimers({ now: Date.now() + 1500, toFake: ['Date'] })
    try {
      expect(await get(store, 'own')).toBeUndefined()
      expect(await get(store, 'cookie')).toBeDefined()
    } finally {
      vi.useRealTimers()
    }
  })

  test('rejects a session that is too large, and keeps the stored one', async () => {
    const store = new MemorySessionStore({ maxLength: 100 })
    store.set('id', stored())
    const error = await new Promise((done) => store.set('id', { large: 'x'.repeat(100) }, done))
    expect(error).toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
    expect(await get(store, 'id')).toMatchObject({ a: 1 })
  })

  test.each([{ maxSessions: 0 }, { ttlMs: -1 }, { maxLength: 1.5 }])('rejects the options %o', (options) => {
    expect(() => new MemorySessionStore(options)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })
})

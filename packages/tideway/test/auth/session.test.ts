import * as fc from 'fast-check'
import {
  cookieMiddleware,
  MemorySessionStore,
  sessionMiddleware,
  sessionMiddlewareStack,
  signedCookieSessions,
  storeSessions,
  type Session,
  type Sessions,
  type SessionStore,
} from 'tideway/auth'
import { describe, expect, test, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import { httpStatusOf } from '../../src/asgi/http-status.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { cookieHeader, httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

const secret = 'keyboard cat, and forty other animals'

type Visit = (session: Session) => unknown

/** An HTTP request that does something with its session and answers with the status. */
async function request(sessions: Sessions, visit: Visit, cookie = '', status = 200): Promise<string[]> {
  const inner: Application<HttpScope & { session: Session }> = async (scope, _receive, send) => {
    await visit(scope.session)
    await send({ type: 'http.response.start', status })
    await send({ type: 'http.response.body', body: 'done' })
  }
  const sent = await run(sessionMiddlewareStack(inner, { sessions }), httpScope(cookie === '' ? {} : { cookie }))
  expect(sent.map((event) => event.type)).toEqual(['http.response.start', 'http.response.body'])
  return setCookiesOf(sent[0])
}

/** A WebSocket connection that does something with its session before it accepts, and something after. */
async function connection(sessions: Sessions, before: Visit, after: Visit = () => {}, cookie = ''): Promise<string[]> {
  const inner: Application<WebSocketScope & { session: Session }> = async (scope, _receive, send) => {
    await before(scope.session)
    await send({ type: 'websocket.accept' })
    await after(scope.session)
  }
  const sent = await run(sessionMiddlewareStack(inner, { sessions }), webSocketScope(cookie === '' ? {} : { cookie }))
  return setCookiesOf(sent[0])
}

/** A store whose calls are counted. */
function watchedStore() {
  const store = new MemorySessionStore()
  return {
    store,
    get: vi.spyOn(store, 'get'),
    set: vi.spyOn(store, 'set'),
    destroy: vi.spyOn(store, 'destroy'),
    touch: vi.spyOn(store, 'touch'),
  }
}

describe('a visitor without a cookie', () => {
  test('has an empty session and costs no call to the store', async () => {
    const { store, get, set, touch, destroy } = watchedStore()
    const cookies = await connection(storeSessions({ store, secret }), (session) => {
      expect(session.isEmpty).toBe(true)
      expect(session.modified).toBe(false)
      expect(session.key).toBeUndefined()
      expect(session.get('anything')).toBeUndefined()
    })
    expect(cookies).toEqual([])
    for (const call of [get, set, touch, destroy]) expect(call).not.toHaveBeenCalled()
  })

  test('is given no session for a change that was taken back', async () => {
    const { store, set } = watchedStore()
    const cookies = await request(storeSessions({ store, secret }), (session) => {
      session.set('a', 1)
      session.delete('a')
    })
    expect(cookies).toEqual([])
    expect(set).not.toHaveBeenCalled()
  })

  test('starts the inner application in the same tick', () => {
    let called = false
    const stack = sessionMiddlewareStack<WebSocketScope>(async () => {
      called = true
    })
    const ended = stack(
      webSocketScope(),
      () => new Promise(() => {}),
      () => {},
    )
    expect(called).toBe(true)
    return ended
  })
})

describe('a session over HTTP', () => {
  test('is saved when the response begins, and read back by its cookie', async () => {
    const sessions = storeSessions({ secret })
    const cookies = await request(sessions, (session) => session.set('name', 'Ada'))
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(/^connect\.sid=s%3A[\w-]{32}\.[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/)

    let seen: unknown
    const again = await request(sessions, (session) => (seen = session.get('name')), cookieHeader(cookies))
    expect(seen).toBe('Ada')
    expect(again).toEqual([])
  })

  test('is not saved with status 500', async () => {
    const { store, set } = watchedStore()
    expect(await request(storeSessions({ store, secret }), (session) => session.set('a', 1), '', 500)).toEqual([])
    expect(set).not.toHaveBeenCalled()
  })

  test('is saved with status 503', async () => {
    expect(await request(storeSessions({ secret }), (session) => session.set('a', 1), '', 503)).toHaveLength(1)
  })

  test('is written to the store only when it was changed', async () => {
    const { store, set } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await request(sessions, (session) => session.get('a'), cookie)
    expect(set).toHaveBeenCalledTimes(1)
  })

  test('lets the body wait until the session is saved, in order', async () => {
    const sessions = storeSessions({ secret })
    const inner: Application<HttpScope & { session: Session }> = async (scope, _receive, send) => {
      scope.session.set('a', 1)
      await Promise.all([
        send({ type: 'http.response.start', status: 200 }),
        send({ type: 'http.response.body', body: 'one', moreBody: true }),
        send({ type: 'http.response.body', body: 'two' }),
      ])
    }
    const sent = await run(sessionMiddlewareStack(inner, { sessions }), httpScope())
    expect(sent).toMatchObject([{ type: 'http.response.start' }, { body: 'one' }, { body: 'two' }])
  })

  test('lets another response begin when saving it failed', async () => {
    const store = new MemorySessionStore({ maxLength: 100 })
    const inner: Application<HttpScope & { session: Session }> = async (scope, _receive, send) => {
      scope.session.set('large', 'x'.repeat(101))
      const started = (async () => send({ type: 'http.response.start', status: 200 }))()
      await expect(started).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
      await send({ type: 'http.response.start', status: 500 })
    }
    const sent = await run(sessionMiddlewareStack(inner, { sessions: storeSessions({ store, secret }) }), httpScope())
    expect(sent).toMatchObject([{ status: 500 }])
  })

  test('is flushed in the store at once, and its cookie taken away', async () => {
    const { store, destroy } = watchedStore()
    const sessions = storeSessions({ store, secret, path: '/app' })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const cookies = await request(
      sessions,
      async (session) => {
        await session.flush()
        expect(destroy).toHaveBeenCalledTimes(1)
        expect(session.isEmpty).toBe(true)
      },
      cookie,
    )
    expect(cookies).toEqual(['connect.sid=; Max-Age=0; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax'])
    expect(store.size).toBe(0)
  })

  test('is not taken away from a visitor who has none', async () => {
    expect(await request(storeSessions({ secret }), (session) => session.flush())).toEqual([])
  })

  test('that was destroyed elsewhere is not brought back: 400', async () => {
    const { store, set } = watchedStore()
    const sessions = storeSessions({ store, secret })
    let key = ''
    const cookie = cookieHeader(
      await request(sessions, async (session) => {
        session.set('a', 1)
        await session.save()
        key = session.key!
      }),
    )
    const late = request(
      sessions,
      (session) => {
        session.set('a', 2)
        store.destroy(key)
      },
      cookie,
    )
    await expect(late).rejects.toMatchObject({ code: 'ERR_SESSION_GONE', status: 400 })
    expect(set).toHaveBeenCalledTimes(1)
  })

  test('two requests at once keep what each of them changed', async () => {
    const sessions = storeSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('base', 1)))
    await request(
      sessions,
      async (session) => {
        session.set('outer', 1)
        session.delete('base')
        await request(sessions, (other) => other.set('inner', 1), cookie)
      },
      cookie,
    )
    await request(sessions, (session) => expect(session.keys().sort()).toEqual(['inner', 'outer']), cookie)
  })

  test('over TLS has a Secure cookie', async () => {
    const inner: Application<HttpScope & { session: Session }> = async (scope, _receive, send) => {
      scope.session.set('a', 1)
      await send({ type: 'http.response.start', status: 200 })
    }
    const sent = await run(
      sessionMiddlewareStack(inner, { sessions: storeSessions({ secret }) }),
      httpScope({}, { scheme: 'https' }),
    )
    expect(setCookiesOf(sent[0])[0]).toContain('; Secure')
  })

  test('gets a longer life with each response where rolling is asked for', async () => {
    const { store, touch, set } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const inner: Application<HttpScope> = async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
    }
    const sent = await run(sessionMiddlewareStack(inner, { sessions, rolling: true }), httpScope({ cookie }))
    expect(setCookiesOf(sent[0])).toHaveLength(1)
    expect(touch).toHaveBeenCalledTimes(1)
    expect(set.mock.calls.filter(([, value]) => !('a' in value))).toEqual([])
  })
})

describe('a session on a WebSocket', () => {
  test('is not saved unless asked', async () => {
    const { store, set } = watchedStore()
    expect(await connection(storeSessions({ store, secret }), (session) => session.set('a', 1))).toEqual([])
    expect(set).not.toHaveBeenCalled()
  })

  test('that was saved before the accept has its cookie there', async () => {
    const sessions = storeSessions({ secret })
    const cookies = await connection(sessions, async (session) => {
      session.set('a', 1)
      await session.save()
    })
    await request(sessions, (session) => expect(session.get('a')).toBe(1), cookieHeader(cookies))
  })

  test('that is new cannot be saved after the accept, and says so', async () => {
    const { store, set } = watchedStore()
    await connection(
      storeSessions({ store, secret }),
      () => {},
      async (session) => {
        session.set('a', 1)
        await expect(session.save()).rejects.toMatchObject({ code: 'ERR_OUT_OF_TURN' })
        expect(session.modified).toBe(true)
      },
    )
    expect(set).not.toHaveBeenCalled()
  })

  test('that the visitor had is saved at any time', async () => {
    const sessions = storeSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await connection(
      sessions,
      () => {},
      async (session) => {
        session.set('b', 2)
        await session.save()
        expect(session.modified).toBe(false)
      },
      cookie,
    )
    await request(sessions, (session) => expect(session.keys()).toEqual(['a', 'b']), cookie)
  })

  test('sees what others wrote when it is reloaded, and its end', async () => {
    const sessions = storeSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await connection(
      sessions,
      () => {},
      async (session) => {
        session.set('mine', 1)
        await request(sessions, (other) => other.set('a', 2), cookie)
        await session.reload()
        expect(session.get('a')).toBe(2)
        expect(session.get('mine')).toBe(1)

        await request(sessions, (other) => other.flush(), cookie)
        await session.reload()
        expect(session.isEmpty).toBe(true)
      },
      cookie,
    )
  })

  test('is saved once for two saves at once', async () => {
    const { store, set } = watchedStore()
    await connection(storeSessions({ store, secret }), async (session) => {
      session.set('a', 1)
      await Promise.all([session.save(), session.save()])
    })
    expect(set).toHaveBeenCalledTimes(1)
  })

  test('costs a message no promise', () => {
    const stack = sessionMiddlewareStack<WebSocketScope>(async (_scope, _receive, send) => {
      expect(send({ type: 'websocket.accept' })).toBeUndefined()
      expect(send({ type: 'websocket.send', text: 'hello' })).toBeUndefined()
    })
    return stack(
      webSocketScope(),
      () => new Promise(() => {}),
      () => {},
    )
  })
})

describe('cycleKey', () => {
  test('gives the same data another key, and ends the old one', async () => {
    const { store } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const before = await request(sessions, (session) => session.set('a', 1))
    const after = await request(sessions, (session) => session.cycleKey(), cookieHeader(before))
    expect(cookieHeader(after)).not.toBe(cookieHeader(before))
    await request(sessions, (session) => expect(session.get('a')).toBe(1), cookieHeader(after))
    await request(sessions, (session) => expect(session.isEmpty).toBe(true), cookieHeader(before))
    expect(store.size).toBe(1)
  })
})

describe('values', () => {
  test.each([
    ['f', () => {}],
    ['u', undefined],
    ['n', 1n],
    ['cookie', {}],
    ['__proto__', {}],
  ])('set refuses %s: %s', async (name, value) => {
    await connection(storeSessions({ secret }), (session) => {
      expect(() => session.set(name, value)).toThrow(expect.objectContaining({ code: 'ERR_BAD_SESSION_DATA' }))
      expect(session.modified).toBe(false)
    })
  })

  test('set refuses a circle', async () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    await connection(storeSessions({ secret }), (session) => {
      expect(() => session.set('a', circle)).toThrow(expect.objectContaining({ code: 'ERR_BAD_SESSION_DATA' }))
    })
  })

  test('are what JSON makes of them, apart from the object that was given', async () => {
    const given = { list: [1], date: new Date(0) }
    await connection(storeSessions({ secret }), (session) => {
      session.set('a', given)
      given.list.push(2)
      expect(session.get('a')).toEqual({ list: [1], date: '1970-01-01T00:00:00.000Z' })
    })
  })

  test('names of Object are not values', async () => {
    await connection(storeSessions({ secret }), (session) => {
      expect(session.get('constructor')).toBeUndefined()
      expect(session.has('toString')).toBe(false)
    })
  })
})

describe('a cookie that names no session', () => {
  const sessions = storeSessions({ secret })
  const forged = [
    's:abc',
    's:abc.def',
    's:.',
    's:',
    '.',
    `s:${'x'.repeat(100_000)}.${'y'.repeat(100)}`,
    `s:${'x'.repeat(32)}.${'é'.repeat(43)}`,
    'j:{"a":1}',
    '\u0000',
  ]
  test.each(forged)('%.30j is an empty session without a call to the store', async (value) => {
    const { store, get } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const cookie = `connect.sid=${encodeURIComponent(value)}`
    expect(
      await connection(
        sessions,
        (session) => expect(session.isEmpty).toBe(true),
        () => {},
        cookie,
      ),
    ).toEqual([])
    expect(get).not.toHaveBeenCalled()
  })

  test('signed with another secret is an empty session', async () => {
    const cookie = cookieHeader(await request(storeSessions({ secret: 'other' }), (session) => session.set('a', 1)))
    await connection(
      sessions,
      (session) => expect(session.isEmpty).toBe(true),
      () => {},
      cookie,
    )
  })

  test('with a flipped character is an empty session', async () => {
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const at = cookie.indexOf('%3A') + 5
    const flipped = cookie.slice(0, at) + (cookie[at] === 'a' ? 'b' : 'a') + cookie.slice(at + 1)
    await connection(
      sessions,
      (session) => expect(session.isEmpty).toBe(true),
      () => {},
      flipped,
    )
  })

  test('whose session has ended starts another one under a new key', async () => {
    const store = new MemorySessionStore()
    const sessions = storeSessions({ store, secret })
    let key: string | undefined
    const cookie = cookieHeader(
      await request(sessions, async (session) => {
        session.set('a', 1)
        await session.save()
        key = session.key
      }),
    )
    store.destroy(key!)
    await request(
      sessions,
      async (session) => {
        session.set('a', 2)
        await session.save()
        expect(session.key).not.toBe(key)
      },
      cookie,
    )
  })

  test('is never more than no session, whatever it holds', async () => {
    const signed = signedCookieSessions({ secret })
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (value) => {
        for (const reader of [sessions, signed]) {
          for (const prefix of ['', 's:']) expect(await reader.load(prefix + value)).toBeUndefined()
        }
      }),
    )
  })
})

describe('secrets', () => {
  test('replaced by a new one in front still read their cookies', async () => {
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

  test.each([[''], [[]], [['', 'old']], [['new', '']]])('%j is refused', (secret) => {
    expect(() => storeSessions({ secret })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    expect(() => signedCookieSessions({ secret })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  test('are needed with a store', () => {
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

  test.each(failures)('and %s ends the handshake with 503 and no anonymous user', async (_how, failure) => {
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

  test('keeps what was to be saved for another try', async () => {
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

  test('leaves a session that is to be flushed as it was', async () => {
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

describe('sessionMiddleware', () => {
  test('says that it needs cookieMiddleware', async () => {
    const inner: Application<WebSocketScope> = async () => {}
    const application = sessionMiddleware(inner, {
      sessions: storeSessions(),
    }) as unknown as Application<WebSocketScope>
    await expect(run(application, webSocketScope())).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'sessionMiddleware needs scope.cookies: put cookieMiddleware outside it.',
    })
  })

  test('inside another one leaves its session', async () => {
    const sessions: Session[] = []
    const inner: Application<WebSocketScope & { session: Session }> = async (scope) => {
      sessions.push(scope.session)
    }
    const between: Application<WebSocketScope & { session: Session }> = async (scope, receive, send) => {
      sessions.push(scope.session)
      await sessionMiddlewareStack(inner)(scope, receive, send)
    }
    await run(sessionMiddlewareStack(between), webSocketScope())
    expect(sessions[0]).toBe(sessions[1])
  })

  test('reads each scope for itself when they come out of order', async () => {
    const sessions = storeSessions({ secret })
    const a = cookieHeader(await request(sessions, (session) => session.set('who', 'a')))
    const b = cookieHeader(await request(sessions, (session) => session.set('who', 'b')))
    const seen: unknown[] = []
    const inner: Application<WebSocketScope & { session: Session }> = async (scope) => {
      seen.push(scope.session.get('who'))
    }
    const stack = cookieMiddleware(sessionMiddleware(inner, { sessions }))
    await Promise.all([run(stack, webSocketScope({ cookie: b })), run(stack, webSocketScope({ cookie: a }))])
    expect(seen).toEqual(['b', 'a'])
  })
})

describe('signedCookieSessions', () => {
  test('keep the data in the cookie', async () => {
    const sessions = signedCookieSessions({ secret })
    const cookies = await request(sessions, (session) => session.set('name', 'Ada'))
    expect(cookies[0]).toMatch(/^tideway\.session=tideway-session\.[^;]+; Max-Age=1209600; .*HttpOnly/)
    await request(
      signedCookieSessions({ secret: ['new', secret] }),
      (session) => expect(session.get('name')).toBe('Ada'),
      cookieHeader(cookies),
    )
  })

  test('end when their time is over', async () => {
    const sessions = signedCookieSessions({ secret, maxAgeMs: 1000 })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    vi.useFakeTimers({ now: Date.now() + 1000 })
    try {
      await request(sessions, (session) => expect(session.isEmpty).toBe(true), cookie)
    } finally {
      vi.useRealTimers()
    }
  })

  test('cannot be changed once the response has begun', async () => {
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

  test('are refused where they would make a cookie that browsers do not keep', async () => {
    const sessions = signedCookieSessions({ secret })
    const save = (length: number): Promise<unknown> =>
      request(sessions, (session) => session.set('a', 'x'.repeat(length)))
    // 4096 less the name, the mark, the signature with all it may have to escape, and the rest of the JSON, in base64.
    await save(2930)
    await expect(save(2990)).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
  })

  test('are flushed by taking the cookie away', async () => {
    const sessions = signedCookieSessions({ secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const [header] = await request(sessions, (session) => session.flush(), cookie)
    expect(header).toMatch(/^tideway\.session=; Max-Age=0/)
  })

  test('do not take for data what the same secret signed as the id of a stored session', async () => {
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

  test('drops the session that was longest not used at its bound', async () => {
    const store = new MemorySessionStore({ maxSessions: 2 })
    store.set('one', stored())
    store.set('two', stored())
    await get(store, 'one')
    store.set('three', stored())
    expect(store.size).toBe(2)
    expect(await get(store, 'two')).toBeUndefined()
    expect(await get(store, 'one')).toMatchObject({ a: 1 })
  })

  test('ends a session when its cookie or its own time does', async () => {
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

  test('refuses a session that is too large with an error, and keeps what it had', async () => {
    const store = new MemorySessionStore({ maxLength: 100 })
    store.set('id', stored())
    const error = await new Promise((done) => store.set('id', { large: 'x'.repeat(100) }, done))
    expect(error).toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
    expect(await get(store, 'id')).toMatchObject({ a: 1 })
  })

  test.each([{ maxSessions: 0 }, { ttlMs: -1 }, { maxLength: 1.5 }])('refuses %o', (options) => {
    expect(() => new MemorySessionStore(options)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })
})

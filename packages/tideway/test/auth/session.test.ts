import * as fc from 'fast-check'
import {
  cookieMiddleware,
  djangoSessions,
  MemorySessionStore,
  sessionMiddleware,
  sessionMiddlewareStack,
  signedCookieSessions,
  storeSessions,
  type Session,
  type SessionBackend,
} from 'tideway/auth'
import { describe, expect, test } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import { consoleLogger } from '../../src/asgi/logger.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { byteText } from './arbitrary-text.ts'
import { cookieHeader, httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

import { connection, request, secret, watchedStore } from './session-requests.ts'

describe('sessionMiddleware without a cookie', () => {
  test('adds an empty session without a call to the store', async () => {
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

  test('creates no session for a change that was undone', async () => {
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
  test('saves the session when the response begins, and reads it by its cookie', async () => {
    const sessions = storeSessions({ secret })
    const cookies = await request(sessions, (session) => session.set('name', 'Ada'))
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(/^connect\.sid=s%3A[\w-]{32}\.[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/)

    let seen: unknown
    const again = await request(sessions, (session) => (seen = session.get('name')), cookieHeader(cookies))
    expect(seen).toBe('Ada')
    expect(again).toEqual([])
  })

  test('does not save the session with status 500', async () => {
    const { store, set } = watchedStore()
    expect(await request(storeSessions({ store, secret }), (session) => session.set('a', 1), '', 500)).toEqual([])
    expect(set).not.toHaveBeenCalled()
  })

  test('saves the session with status 503', async () => {
    expect(await request(storeSessions({ secret }), (session) => session.set('a', 1), '', 503)).toHaveLength(1)
  })

  test('writes only a changed session to the store', async () => {
    const { store, set } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await request(sessions, (session) => session.get('a'), cookie)
    expect(set).toHaveBeenCalledTimes(1)
  })

  test('sends the body after the session is saved, in order', async () => {
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

  test('allows another response after a failed save', async () => {
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

  test('flushes the session in the store immediately, and deletes its cookie', async () => {
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

  test('deletes no cookie if the client has none', async () => {
    expect(await request(storeSessions({ secret }), (session) => session.flush())).toEqual([])
  })

  test('answers with 400 instead of restoring a session that was destroyed elsewhere', async () => {
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

  test('keeps the changes of two concurrent requests', async () => {
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

  test('sets a Secure cookie over TLS', async () => {
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

  test('extends the session with each response if rolling is set', async () => {
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
  test('does not save the session without a call of save()', async () => {
    const { store, set } = watchedStore()
    expect(await connection(storeSessions({ store, secret }), (session) => session.set('a', 1))).toEqual([])
    expect(set).not.toHaveBeenCalled()
  })

  test('sets the cookie of a saved session with the accept', async () => {
    const sessions = storeSessions({ secret })
    const cookies = await connection(sessions, async (session) => {
      session.set('a', 1)
      await session.save()
    })
    await request(sessions, (session) => expect(session.get('a')).toBe(1), cookieHeader(cookies))
  })

  test('rejects the save of a new session after the accept', async () => {
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

  test('saves an existing session at any time', async () => {
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

  test('reads the changes of others, and the end of the session, with reload()', async () => {
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

  test('writes once for two concurrent saves', async () => {
    const { store, set } = watchedStore()
    await connection(storeSessions({ store, secret }), async (session) => {
      session.set('a', 1)
      await Promise.all([session.save(), session.save()])
    })
    expect(set).toHaveBeenCalledTimes(1)
  })

  test('creates no promise for a message', () => {
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
  test('moves the data to a new key, and destroys the old one', async () => {
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

describe('calls of the store at the same time', () => {
  test('ends the session by a flush after a save that is still running', async () => {
    const { store } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const cookie = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    await request(
      sessions,
      async (session) => {
        session.set('a', 2)
        await Promise.all([session.save(), session.flush()])
        expect(session.isEmpty).toBe(true)
      },
      cookie,
    )
    expect(store.size).toBe(0)
  })

  test('keeps the new key of a cycleKey() during a save', async () => {
    const { store } = watchedStore()
    const sessions = storeSessions({ store, secret })
    const before = cookieHeader(await request(sessions, (session) => session.set('a', 1)))
    const after = cookieHeader(
      await request(
        sessions,
        async (session) => {
          session.set('a', 2)
          const saving = session.save()
          session.cycleKey()
          await saving
          await session.save()
        },
        before,
      ),
    )
    expect(after).not.toBe(before)
    await request(sessions, (session) => expect(session.get('a')).toBe(2), after)
    expect(store.size).toBe(1)
  })
})

describe('Session.set', () => {
  test.each([
    ['f', () => {}],
    ['u', undefined],
    ['n', 1n],
    ['cookie', {}],
    ['__proto__', {}],
  ])('rejects %s: %s', async (name, value) => {
    await connection(storeSessions({ secret }), (session) => {
      expect(() => session.set(name, value)).toThrow(expect.objectContaining({ code: 'ERR_BAD_SESSION_DATA' }))
      expect(session.modified).toBe(false)
    })
  })

  test('rejects a circular value', async () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    await connection(storeSessions({ secret }), (session) => {
      expect(() => session.set('a', circle)).toThrow(expect.objectContaining({ code: 'ERR_BAD_SESSION_DATA' }))
    })
  })

  test('stores a JSON copy of the value', async () => {
    const given = { list: [1], date: new Date(0) }
    await connection(storeSessions({ secret }), (session) => {
      session.set('a', given)
      given.list.push(2)
      expect(session.get('a')).toEqual({ list: [1], date: '1970-01-01T00:00:00.000Z' })
    })
  })

  test('finds no value under names of Object.prototype', async () => {
    await connection(storeSessions({ secret }), (session) => {
      expect(session.get('constructor')).toBeUndefined()
      expect(session.has('toString')).toBe(false)
    })
  })
})

describe('an invalid session cookie', () => {
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
  test.each(forged)('gives an empty session without a call to the store: %.30j', async (value) => {
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

  test('gives an empty session if another secret signed it', async () => {
    const cookie = cookieHeader(await request(storeSessions({ secret: 'other' }), (session) => session.set('a', 1)))
    await connection(
      sessions,
      (session) => expect(session.isEmpty).toBe(true),
      () => {},
      cookie,
    )
  })

  test.each<[string, (secret: string) => SessionBackend, string]>([
    ['connect.sid', (key) => storeSessions({ secret: key }), 'storeSessions({ secret })'],
    ['tideway.session', (key) => signedCookieSessions({ secret: key }), 'signedCookieSessions({ secret })'],
    ['sessionid', (key) => djangoSessions({ secretKey: key }), 'djangoSessions({ secretKey })'],
  ])('warns once if another secret signed it: %s', async (name, sessionsOf, option) => {
    const cookie = cookieHeader(await request(sessionsOf(secret), (session) => session.set('a', 1)))
    const sessions = sessionsOf('another secret, that is long enough for all')
    const lines: string[] = []
    const logger = { ...consoleLogger, warn: (_details: object, line: string) => lines.push(line) }
    const application = sessionMiddlewareStack<WebSocketScope>(async () => {}, { sessions })
    for (let i = 0; i < 3; i++) await run(application, webSocketScope({ cookie }, { logger }))
    expect(lines).toEqual([
      `The signature of a session cookie (${name}) does not match, so its client is anonymous. Another secret? ` +
        `Give ${option} the secret of the program that sets this cookie.`,
    ])
  })

  test('gives an empty session if a character is flipped', async () => {
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

  test('starts a new session under a new key if the session has ended', async () => {
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

  test('gives no session for arbitrary values', async () => {
    const signed = signedCookieSessions({ secret })
    await fc.assert(
      fc.asyncProperty(byteText, async (value) => {
        for (const reader of [sessions, signed]) {
          for (const prefix of ['', 's:']) expect(await reader.load(prefix + value)).toBeUndefined()
        }
      }),
    )
  })
})

describe('sessionMiddleware', () => {
  test('rejects a scope without cookies', async () => {
    const inner: Application<WebSocketScope> = async () => {}
    const application = sessionMiddleware(inner, {
      sessions: storeSessions(),
    }) as unknown as Application<WebSocketScope>
    await expect(run(application, webSocketScope())).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'sessionMiddleware needs scope.cookies: put cookieMiddleware outside it.',
    })
  })

  test('keeps the session of an outer sessionMiddleware', async () => {
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

  test('loads the session of each scope in any order of the store’s answers', async () => {
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

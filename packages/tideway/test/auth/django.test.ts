import * as fc from 'fast-check'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  authMiddlewareStack,
  djangoIdentity,
  djangoSessionHash,
  djangoSessions,
  getUser,
  login,
  type DjangoSessionTable,
  type Session,
  type SessionBackend,
  type UserStore,
} from 'tideway/auth'
import { beforeAll, describe, expect, test, vi } from 'vitest'

import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import type { Application } from '../../src/asgi/application.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import { anonymousUser, type User } from '../../src/asgi/user.ts'
import { byteText } from './arbitrary-text.ts'
import { run, setCookiesOf, webSocketScope } from './connection.ts'

const secretKey = 'a secret key that tideway and this site share'

interface Written {
  readonly sessionKey: string
  readonly sessionData: string
  readonly cookie: string
  readonly password: string
  readonly sessionHash: string
  readonly userId: number
}

interface Read {
  readonly database: { readonly user: string; readonly values: Record<string, unknown> }
  readonly cookie: { readonly user: string; readonly values: Record<string, unknown> }
}

function django(order: object): unknown {
  const script = fileURLToPath(new URL('django_site.py', import.meta.url))
  return JSON.parse(execFileSync(programPath('python'), [script], { input: JSON.stringify(order), encoding: 'utf8' }))
}

type Connected = WebSocketScope & { readonly user: User; readonly session: Session }

/** Connects with the cookie, and returns the cookie of the response. */
async function connect(
  options: { sessions: SessionBackend; users: UserStore },
  cookie: string | undefined,
  connected: (scope: Connected) => unknown,
): Promise<string> {
  const inner: Application<Connected> = async (scope, _receive, send) => {
    await connected(scope)
    await send({ type: 'websocket.accept' })
  }
  const stack = authMiddlewareStack(inner, { ...options, identity: djangoIdentity() })
  const sent = await run(stack, webSocketScope(cookie === undefined ? {} : { cookie: `sessionid=${cookie}` }))
  const [header = ''] = setCookiesOf(sent[0])
  return decodeURIComponent(/^sessionid=([^;]*)/.exec(header)?.[1] ?? '')
}

describeWith(['python'], 'the sessions of a real Django', () => {
  const values = { cart: ['café', '🦄'], note: 'long enough to be compressed, '.repeat(20) }
  let site: Written
  let ada: User
  let users: UserStore

  beforeAll(() => {
    site = django({ do: 'write', values }) as Written
    ada = { id: site.userId, username: 'ada', isAuthenticated: true }
    users = {
      findById: (id) => (Number(id) === site.userId ? ada : undefined),
      sessionHash: () => djangoSessionHash(secretKey, site.password),
    }
  })

  const table = (rows: Map<string, string>): DjangoSessionTable => ({
    find: (key) => rows.get(key),
    save: (key, data) => rows.set(key, data),
    delete: (key) => rows.delete(key),
  })

  test('have the same session hash as in Django', () => {
    expect(djangoSessionHash(secretKey, site.password)).toBe(site.sessionHash)
  })

  test('find the user of a session in the database', async () => {
    const database = table(new Map([[site.sessionKey, site.sessionData]]))
    await connect(
      { sessions: djangoSessions({ secretKey, database }), users },
      site.sessionKey,
      ({ user, session }) => {
        expect(user).toBe(ada)
        expect(session.get('cart')).toEqual(values.cart)
        expect(session.get('note')).toBe(values.note)
      },
    )
  })

  test('find the user of a session in a signed cookie', async () => {
    await connect({ sessions: djangoSessions({ secretKey }), users }, site.cookie, ({ user, session }) => {
      expect(user).toBe(ada)
      expect(session.get('cart')).toEqual(values.cart)
    })
  })

  test('accept a fallback of the secret key', async () => {
    const sessions = djangoSessions({ secretKey: ['the new one', secretKey] })
    await connect({ sessions, users }, site.cookie, ({ user }) => expect(user).toBe(ada))
  })

  test('write a login that Django reads', async () => {
    const rows = new Map<string, string>()
    const logIn = async (scope: Connected): Promise<void> => {
      await login(scope, ada)
      scope.session.set('cart', values.cart)
      await scope.session.save()
    }
    const sessionKey = await connect(
      { sessions: djangoSessions({ secretKey, database: table(rows) }), users },
      undefined,
      logIn,
    )
    const cookie = await connect({ sessions: djangoSessions({ secretKey }), users }, undefined, logIn)
    expect(sessionKey).toMatch(/^[a-z0-9]{32}$/)
    const order = { do: 'read', sessionKey, sessionData: rows.get(sessionKey), cookie, password: site.password }
    const { database, cookie: inCookie } = django(order) as Read
    for (const { user, values: seen } of [database, inCookie]) {
      expect(user).toBe('ada')
      expect(seen['cart']).toEqual(values.cart)
    }
  })

  test('make the user anonymous after a change of the password, without writing a read-only table', async () => {
    const find = vi.fn(() => site.sessionData)
    const changed: UserStore = { ...users, sessionHash: () => djangoSessionHash(secretKey, 'another') }
    const sessions = djangoSessions({ secretKey, database: { find } })
    await connect({ sessions, users: changed }, site.sessionKey, ({ user }) => expect(user).toBe(anonymousUser))
  })

  test('let getUser return the anonymous user after the session has ended', async () => {
    const rows = new Map([[site.sessionKey, site.sessionData]])
    await connect(
      { sessions: djangoSessions({ secretKey, database: table(rows) }), users },
      site.sessionKey,
      async (scope) => {
        expect(await getUser(scope)).toBe(ada)
        rows.clear()
        expect(await getUser(scope)).toBe(anonymousUser)
      },
    )
  })

  test('ignore forged, truncated, expired and foreign cookies', async () => {
    const row = (data: string) => djangoSessions({ secretKey, database: { find: () => data } })
    const flipped = (text: string) => text.slice(0, 20) + (text[20] === 'a' ? 'b' : 'a') + text.slice(21)
    const own = djangoSessions({ secretKey })
    expect(await own.load(flipped(site.cookie))).toBeUndefined()
    expect(await own.load(site.cookie.slice(0, -1))).toBeUndefined()
    expect(await djangoSessions({ secretKey: 'another' }).load(site.cookie)).toBeUndefined()
    expect(await row(flipped(site.sessionData)).load(site.sessionKey)).toBeUndefined()
    // A signature is valid for one purpose only.
    expect(await own.load(site.sessionData)).toBeUndefined()
    expect(await row(site.cookie).load(site.sessionKey)).toBeUndefined()
    vi.useFakeTimers({ now: Date.now() + 1_209_602_000, toFake: ['Date'] })
    try {
      expect(await own.load(site.cookie)).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('djangoSessions', () => {
  test('queries the database for valid session keys only', async () => {
    const find = vi.fn(() => undefined)
    const sessions = djangoSessions({ secretKey, database: { find } })
    for (const cookie of ['', 'short', "' or 1=1 --", 'x'.repeat(41), 'UPPERCASE0']) {
      expect(await sessions.load(cookie)).toBeUndefined()
    }
    expect(find).not.toHaveBeenCalled()
  })

  test('rejects with 503 while the database is down', async () => {
    const find = (): never => {
      throw new Error('ECONNREFUSED')
    }
    const sessions = djangoSessions({ secretKey, database: { find } })
    await expect(sessions.load('x'.repeat(32))).rejects.toMatchObject({ status: 503, cause: new Error('ECONNREFUSED') })
  })

  test('rejects a save of a read-only session', async () => {
    const sessions = djangoSessions({ secretKey, database: { find: () => undefined } })
    const write = { key: undefined, data: {}, changes: new Map(), secure: false }
    await expect(sessions.save(write)).rejects.toMatchObject({ code: 'ERR_READ_ONLY_SESSION' })
    await expect(sessions.destroy('x'.repeat(32))).rejects.toMatchObject({ code: 'ERR_READ_ONLY_SESSION' })
  })

  test('rejects a cookie that browsers do not store', async () => {
    const data = { a: Array.from({ length: 4000 }, () => Math.random()) }
    const write = { key: undefined, data, changes: new Map(), secure: false }
    await expect(djangoSessions({ secretKey }).save(write)).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
  })

  test('finds no session in arbitrary cookies, and never throws', async () => {
    const inCookies = djangoSessions({ secretKey })
    const like = fc.stringMatching(/^\.?[\w-]{0,20}:[\w-]{0,8}:[\w-]{0,43}$/)
    await fc.assert(
      fc.asyncProperty(fc.oneof(byteText, like), async (value) => {
        expect(await inCookies.load(value)).toBeUndefined()
        const inDatabase = djangoSessions({ secretKey, database: { find: () => value } })
        expect(await inDatabase.load('x'.repeat(32))).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })
})

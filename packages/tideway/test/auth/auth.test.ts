import {
  authMiddleware,
  authMiddlewareStack,
  getUser,
  login,
  logout,
  MemorySessionStore,
  passportIdentity,
  sessionMiddlewareStack,
  signedCookieSessions,
  storeSessions,
  type Session,
  type SessionBackend,
  type UserStore,
} from 'tideway/auth'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { ServiceUnavailableError } from '../../src/asgi/service-unavailable-error.ts'
import type { Routed } from '../../src/asgi/url-route.ts'
import { anonymousUser, type AnonymousUser, type Authenticated, type User } from '../../src/asgi/user.ts'
import { cookieHeader, httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

interface Person extends User {
  readonly id: number
  readonly username: string
  readonly isAuthenticated: true
  password: string
}

const secret = 'a secret of these tests'

/** A database of people, its options object, and the sessions. */
function site() {
  const ada: Person = { id: 1, username: 'ada', isAuthenticated: true, password: 'hash-1' }
  const bob: Person = { id: 2, username: 'bob', isAuthenticated: true, password: 'hash-2' }
  const people = new Map<number, Person>([
    [1, ada],
    [2, bob],
  ])
  const users: UserStore<Person> = {
    findById: async (id) => people.get(Number(id)),
    sessionHash: (user) => `hmac of ${user.password}`,
  }
  const store = new MemorySessionStore()
  const sessions = storeSessions({ store, secret })
  return { ada, bob, people, users, store, sessions }
}

type AuthScope<S> = S & { readonly session: Session; readonly user: User }

interface Options {
  readonly sessions: SessionBackend
  readonly users?: UserStore
  readonly identity?: typeof passportIdentity
}

/** An HTTP request. Returns the cookie that the browser has after it. */
async function request(options: Options, view: (scope: AuthScope<HttpScope>) => unknown, cookie = ''): Promise<string> {
  const inner: Application<AuthScope<HttpScope>> = async (scope, _receive, send) => {
    await view(scope)
    await send({ type: 'http.response.start', status: 200 })
  }
  const sent = await run(authMiddlewareStack(inner, options), httpScope(cookie === '' ? {} : { cookie }))
  return cookieHeader(setCookiesOf(sent[0]))
}

async function connection(
  options: Options,
  connected: (scope: AuthScope<WebSocketScope>) => unknown,
  cookie = '',
): Promise<string> {
  const inner: Application<AuthScope<WebSocketScope>> = async (scope, _receive, send) => {
    await connected(scope)
    await send({ type: 'websocket.accept' })
  }
  const sent = await run(authMiddlewareStack(inner, options), webSocketScope(cookie === '' ? {} : { cookie }))
  return cookieHeader(setCookiesOf(sent[0]))
}

describe('authMiddlewareStack', () => {
  test('makes all clients anonymous without options', async () => {
    const users: User[] = []
    const inner: Application<WebSocketScope & Authenticated> = async (scope) => {
      users.push(scope.user)
    }
    await run(authMiddlewareStack(inner), webSocketScope())
    await run(authMiddlewareStack(inner), webSocketScope({ cookie: 'connect.sid=s%3Aforged.signature' }))
    expect(users).toEqual([anonymousUser, anonymousUser])
  })

  test('makes all clients anonymous with sessions and no users', async () => {
    const { sessions, users, ada } = site()
    const cookie = await request({ sessions, users }, (scope) => login(scope, ada))
    await connection({ sessions }, ({ user }) => expect(user).toBe(anonymousUser), cookie)
  })

  test('does not change the outer scope', async () => {
    const scope = webSocketScope()
    await run(
      authMiddlewareStack(async () => {}),
      scope,
    )
    for (const name of ['cookies', 'session', 'user']) expect(scope).not.toHaveProperty(name)
  })

  test('calls the inner application in the same tick for a client without a session', () => {
    let called = false
    const { users, sessions } = site()
    const inner: Application<WebSocketScope & Authenticated> = async () => {
      called = true
    }
    const ended = authMiddlewareStack(inner, { users, sessions })(
      webSocketScope(),
      () => new Promise(() => {}),
      () => {},
    )
    expect(called).toBe(true)
    return ended
  })

  test('finds on a WebSocket the user who logged in over HTTP', async () => {
    const { ada, ...options } = site()
    const cookie = await request(options, (scope) => login(scope, ada))
    await connection(options, ({ user }) => expect(user).toBe(ada), cookie)
  })

  test('finds the user of a session in a signed cookie', async () => {
    const { ada, users } = site()
    const options = { users, sessions: signedCookieSessions({ secret }) }
    const cookie = await request(options, (scope) => login(scope, ada))
    await connection(options, ({ user }) => expect(user).toBe(ada), cookie)
  })

  test('finds the user of a passport session', async () => {
    const { ada, users, sessions } = site()
    const options = { users, sessions, identity: passportIdentity }
    const cookie = await request(options, ({ session }) => session.set('passport', { user: 1 }))
    await connection(options, ({ user }) => expect(user).toBe(ada), cookie)
  })

  test.each([[{ user: { id: 1 } }], [{ user: '' }], ['1'], [null], [[]], [{}]])(
    'finds no user in a passport session of %j',
    async (passport) => {
      const { users, sessions } = site()
      const options = { users, sessions, identity: passportIdentity }
      const cookie = await request(options, ({ session }) => session.set('passport', passport))
      await connection(options, ({ user }) => expect(user).toBe(anonymousUser), cookie)
    },
  )

  test('makes a deleted user anonymous and keeps the session', async () => {
    const { ada, people, ...options } = site()
    const cookie = await request(options, async (scope) => {
      scope.session.set('cart', 1)
      await login(scope, ada)
    })
    people.delete(1)
    await connection(
      options,
      ({ user, session }) => {
        expect(user).toBe(anonymousUser)
        expect(session.get('cart')).toBe(1)
      },
      cookie,
    )
  })

  test('ends the session of a user whose password changed', async () => {
    const { ada, store, ...options } = site()
    const cookie = await request(options, (scope) => login(scope, ada))
    ada.password = 'changed'
    await connection(
      options,
      ({ user, session }) => {
        expect(user).toBe(anonymousUser)
        expect(session.isEmpty).toBe(true)
      },
      cookie,
    )
    expect(store.size).toBe(0)
  })

  test('ends a session without a hash if users have one', async () => {
    const { store, ...options } = site()
    const cookie = await request(options, ({ session }) => session.set('_auth_user_id', 1))
    await connection(options, ({ user }) => expect(user).toBe(anonymousUser), cookie)
    expect(store.size).toBe(0)
  })

  test.each([[{}], [''], [null], [true], [[1]]])('finds no user in a session whose user id is %j', async (id) => {
    const { users, sessions } = site()
    const findById = vi.fn(users.findById)
    const cookie = await request({ sessions }, ({ session }) => session.set('_auth_user_id', id))
    await connection({ sessions, users: { findById } }, ({ user }) => expect(user).toBe(anonymousUser), cookie)
    expect(findById).not.toHaveBeenCalled()
  })

  test('rejects while the user store is down, and does not call the inner application', async () => {
    const { ada, users, sessions } = site()
    const cookie = await request({ users, sessions }, (scope) => login(scope, ada))
    const inner = vi.fn<Application<WebSocketScope>>()
    const findById = (): never => {
      throw new ServiceUnavailableError('The database does not answer.')
    }
    const stack = authMiddlewareStack(inner, { sessions, users: { findById } })
    await expect(run(stack, webSocketScope({ cookie }))).rejects.toMatchObject({ status: 503 })
    expect(inner).not.toHaveBeenCalled()
  })

  test('rejects a scope without a session', async () => {
    const application = authMiddleware(async () => {}) as unknown as Application<WebSocketScope>
    await expect(run(application, webSocketScope())).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'authMiddleware needs scope.session: put sessionMiddleware outside it.',
    })
  })
})

describe('login', () => {
  test('rejects a scope without a session', async () => {
    await expect(login({} as never, site().ada)).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'login needs scope.session: wrap the application in sessionMiddleware.',
    })
  })

  test('rejects a user who is not authenticated', async () => {
    await request(site(), async (scope) => {
      await expect(login(scope)).rejects.toMatchObject({ code: 'ERR_NO_USER' })
      await expect(login(scope, anonymousUser)).rejects.toMatchObject({ code: 'ERR_NO_USER' })
    })
  })

  test('sets the given user for the scope and for getUser', async () => {
    const { ada, ...options } = site()
    await request(options, async (scope) => {
      expect(await getUser(scope)).toBe(anonymousUser)
      await login(scope, ada)
      expect(scope.user).toBe(ada)
      expect(await getUser(scope)).toBe(ada)
    })
  })

  test('logs in the user of the scope by default', async () => {
    const { ada, ...options } = site()
    await request(options, async (scope) => {
      const mine = { ...scope, user: ada }
      await login(mine)
      expect(await getUser(mine)).toBe(ada)
    })
  })

  test('flushes the session of another user', async () => {
    const { ada, bob, store, ...options } = site()
    const adas = await request(options, async (scope) => {
      await login(scope, ada)
      scope.session.set('secret of ada', 1)
    })
    const bobs = await request(options, (scope) => login(scope, bob), adas)
    expect(bobs).not.toBe(adas)
    await connection(
      options,
      ({ user, session }) => {
        expect(user).toBe(bob)
        expect(session.has('secret of ada')).toBe(false)
      },
      bobs,
    )
    expect(store.size).toBe(1)
  })

  test('keeps the session when the same user logs in again', async () => {
    const { ada, ...options } = site()
    const cookie = await request(options, (scope) => login(scope, ada))
    expect(
      await request(
        options,
        async (scope) => {
          scope.session.set('cart', 1)
          await login(scope, ada)
          expect(scope.session.get('cart')).toBe(1)
        },
        cookie,
      ),
    ).toBe(cookie)
  })

  test('gives the session a new key, so that a planted key is invalid', async () => {
    const { ada, ...options } = site()
    const planted = await request(options, ({ session }) => session.set('cart', 1))
    const cookie = await request(options, (scope) => login(scope, ada), planted)
    expect(cookie).not.toBe(planted)
    await connection(
      options,
      ({ user, session }) => {
        expect(user).toBe(ada)
        expect(session.get('cart')).toBe(1)
      },
      cookie,
    )
    await connection(options, ({ user }) => expect(user).toBe(anonymousUser), planted)
  })

  test('sets the cookie with the accept of a WebSocket if the session is saved before it', async () => {
    const { ada, ...options } = site()
    const cookie = await connection(options, async (scope) => {
      await login(scope, ada)
      await scope.session.save()
    })
    await connection(options, ({ user }) => expect(user).toBe(ada), cookie)
  })

  test('writes the format of passport with passportIdentity', async () => {
    const { ada, users, sessions } = site()
    const options = { users, sessions, identity: passportIdentity }
    await request(options, async (scope) => {
      await login(scope, ada)
      expect(scope.session.get('passport')).toEqual({ user: 1 })
      expect(await getUser(scope)).toBe(ada)
    })
  })
})

describe('logout', () => {
  test('flushes the session in its store and makes the user anonymous', async () => {
    const { ada, store, ...options } = site()
    const cookie = await request(options, (scope) => login(scope, ada))
    await connection(
      options,
      async (scope) => {
        await logout(scope)
        expect(scope.user).toBe(anonymousUser)
        expect(await getUser(scope)).toBe(anonymousUser)
      },
      cookie,
    )
    expect(store.size).toBe(0)
    await connection(options, ({ user }) => expect(user).toBe(anonymousUser), cookie)
  })

  test('does not throw without a login, and adds no user to a scope without one', async () => {
    const inner: Application<WebSocketScope & { session: Session }> = async (scope) => {
      await logout(scope)
      expect(scope).not.toHaveProperty('user')
      expect(await getUser(scope)).toBe(anonymousUser)
    }
    await run(sessionMiddlewareStack(inner), webSocketScope())
  })
})

describe('getUser on an open connection', () => {
  test.each([
    ['the person logs out elsewhere', (s: Site, cookie: string) => request(s, (scope) => logout(scope), cookie)],
    ['the password is changed', ({ ada }: Site) => (ada.password = 'changed')],
    ['the user is deleted', ({ people }: Site) => people.delete(1)],
  ])('returns the anonymous user once %s', async (_what, happens) => {
    const here = site()
    const cookie = await request(here, (scope) => login(scope, here.ada))
    await connection(
      here,
      async (scope) => {
        expect(await getUser(scope)).toBe(here.ada)
        await happens(here, cookie)
        expect(await getUser(scope)).toBe(anonymousUser)
        expect(scope.user).toBe(here.ada)
      },
      cookie,
    )
  })
})

type Site = ReturnType<typeof site>

describe('the types of authMiddlewareStack', () => {
  test('removes the need of a user from the scope', () => {
    const inner: Application<WebSocketScope & Authenticated> = async () => {}
    expectTypeOf(authMiddlewareStack(inner)).toExtend<Application<WebSocketScope>>()
    expectTypeOf(inner).not.toExtend<Application<WebSocketScope>>()
  })

  test('wraps an HTTP application, and one for both protocols', () => {
    const http: Application<HttpScope & Authenticated> = async () => {}
    expectTypeOf(authMiddlewareStack(http)).toExtend<Application<HttpScope>>()
    const both: Application<(HttpScope | WebSocketScope) & Authenticated> = async () => {}
    expectTypeOf(authMiddlewareStack(both)).toExtend<Application<HttpScope | WebSocketScope>>()
    expectTypeOf(authMiddlewareStack(both)).toExtend<Application<WebSocketScope>>()
  })

  test('wraps an application whose scope is an interface', () => {
    interface ChatScope extends WebSocketScope, Authenticated {
      readonly session: Session
    }
    const inner: Application<ChatScope> = async () => {}
    expectTypeOf(authMiddlewareStack(inner)).toExtend<Application<WebSocketScope>>()
  })

  test('keeps the need of properties that an outer router adds', () => {
    const inner: Application<WebSocketScope & Authenticated & Routed<{ room: string }>> = async () => {}
    const wrapped = authMiddlewareStack(inner)
    expectTypeOf(wrapped).toExtend<Application<WebSocketScope & Routed<{ room: string }>>>()
    expectTypeOf(wrapped).not.toExtend<Application<WebSocketScope>>()
  })

  test('keeps the need of a user in sessionMiddlewareStack', () => {
    const inner: Application<WebSocketScope & Authenticated> = async () => {}
    expectTypeOf(sessionMiddlewareStack(inner)).not.toExtend<Application<WebSocketScope>>()
  })

  test('gives an application that needs a Person the type of its users, or the anonymous user', () => {
    const { users } = site()
    const inner: Application<WebSocketScope & { readonly user: Person | AnonymousUser }> = async () => {}
    expectTypeOf(authMiddlewareStack(inner, { users })).toExtend<Application<WebSocketScope>>()
    expectTypeOf(authMiddlewareStack(inner)).not.toExtend<Application<WebSocketScope>>()

    const noStrangers: Application<WebSocketScope & { readonly user: Person }> = async () => {}
    expectTypeOf(authMiddlewareStack(noStrangers, { users })).not.toExtend<Application<WebSocketScope>>()
  })
})

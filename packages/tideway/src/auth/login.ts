import { anonymousUser, type AnonymousUser, type User } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { authenticationOf, userOfSession, type WithAuthentication } from './authentication.ts'
import { equalInConstantTime } from './constant-time.ts'
import { missingScopeError } from './missing-scope.ts'
import type { Session } from './session.ts'

/** What `login`, `logout` and `getUser` need of a scope. */
export interface LoginScope extends WithAuthentication {
  readonly session: Session
  readonly user?: User
}

/**
 * Logs the user in on the session of the scope, and makes it `scope.user`. Without a user given, the one of the scope. The session gets
 * a new key, so that one that an attacker planted is worth nothing; that of another user is flushed first.
 *
 * It does not save: over HTTP the response does, on a WebSocket call `scope.session.save()` before `accept()`. After it the
 * new cookie cannot reach the browser, and the login holds for this connection only.
 */
export async function login(scope: LoginScope, user: User | undefined = scope.user): Promise<void> {
  const session = sessionOf('login', scope)
  if (user?.id === undefined || !user.isAuthenticated) {
    throw new TidewayError(
      'ERR_NO_USER',
      'login needs a user that is authenticated: give one, or put one in the scope.',
    )
  }
  const { users, identity } = authenticationOf(scope)
  const hash = identity.keepsHash ? users?.sessionHash?.(user) : undefined
  const before = identity.read(session)
  if (before === undefined) {
    session.cycleKey()
  } else if (String(before.id) !== String(user.id) || !isSameHash(before.hash, hash)) {
    await session.flush()
  }
  identity.write(session, { id: user.id, hash })
  setUser(scope, user)
}

/** Flushes the session of the scope, at once, and makes its user anonymous. */
export async function logout(scope: LoginScope): Promise<void> {
  await sessionOf('logout', scope).flush()
  if (scope.user !== undefined) setUser(scope, anonymousUser)
}

/**
 * Who is logged in on the session now: it is read again from its store, so a connection that has been open for hours
 * learns of a logout elsewhere, of a changed password and of a deleted user. Anonymous when nobody is, never `undefined`. Leaves
 * `scope.user` alone.
 */
export async function getUser(scope: LoginScope): Promise<User | AnonymousUser> {
  const session = sessionOf('getUser', scope)
  await session.reload()
  return userOfSession(session, authenticationOf(scope))
}

function sessionOf(who: string, scope: { readonly session?: Session }): Session {
  if (scope.session === undefined) throw missingScopeError(who, 'session', 'wrap the application in sessionMiddleware')
  return scope.session
}

function isSameHash(before: string | undefined, now: string | undefined): boolean {
  if (now === undefined) return true
  return before !== undefined && equalInConstantTime(now, before)
}

/** The scope is this connection's own copy, and here its user changes in the middle of it. */
function setUser(scope: LoginScope, user: User): void {
  Object.assign(scope, { user })
}

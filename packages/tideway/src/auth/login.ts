import { anonymousUser, type AnonymousUser, type User } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { authenticationOf, userOfSession, type WithAuthentication } from './authentication.ts'
import { equalInConstantTime } from '../errors/constant-time.ts'
import { missingScopeError } from './missing-scope.ts'
import type { Session } from './session.ts'

/** The properties of a scope that `login`, `logout` and `getUser` need. */
export interface LoginScope extends WithAuthentication {
  readonly session: Session
  readonly user?: User
}

/**
 * Logs the user in on the session of the scope, and sets `scope.user`. The session gets a new key, to prevent session fixation; the
 * session of another user is flushed first. Rejects with `ERR_NO_USER` if the user is not authenticated.
 *
 * It does not save the session. Over HTTP the response saves it. On a WebSocket call `scope.session.save()` before `accept()`; later the
 * new cookie cannot reach the browser, and the login is valid for this connection only.
 * @param user the user of the scope by default
 */
export async function login(scope: LoginScope, user: User | undefined = scope.user): Promise<void> {
  const session = sessionOf('login', scope)
  if (user?.id === undefined || !user.isAuthenticated) {
    throw new TidewayError('ERR_NO_USER', 'login needs an authenticated user: give one, or put one in the scope.')
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

/** Flushes the session of the scope immediately, and sets `scope.user` to the anonymous user. */
export async function logout(scope: LoginScope): Promise<void> {
  await sessionOf('logout', scope).flush()
  if (scope.user !== undefined) setUser(scope, anonymousUser)
}

/**
 * Reads the session from its store again and returns its user, or `anonymousUser` if it has none. A connection that has been open for
 * hours detects with it a logout elsewhere, a changed password or a deleted user. Does not change `scope.user`.
 */
export async function getUser(scope: LoginScope): Promise<User | AnonymousUser> {
  const session = sessionOf('getUser', scope)
  await session.reload()
  return userOfSession(session, authenticationOf(scope))
}

function sessionOf(caller: string, scope: { readonly session?: Session }): Session {
  if (scope.session === undefined)
    throw missingScopeError(caller, 'session', 'wrap the application in sessionMiddleware')
  return scope.session
}

function isSameHash(before: string | undefined, now: string | undefined): boolean {
  if (now === undefined) return true
  return before !== undefined && equalInConstantTime(now, before)
}

/** Changes the user of the scope in place: the scope is a copy for this connection. */
function setUser(scope: LoginScope, user: User): void {
  Object.assign(scope, { user })
}

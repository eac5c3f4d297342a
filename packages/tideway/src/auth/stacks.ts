import type { Application } from '../asgi/application.ts'
import type { User } from '../asgi/user.ts'
import { addUser, type AuthMiddlewareOptions } from './auth-middleware.ts'
import { cookieMiddleware, type WithCookies } from './cookies.ts'
import type { ClientScope, OuterScope } from './define-middleware.ts'
import { addSession, type SessionMiddlewareOptions, type WithSession } from './session-middleware.ts'
import { storeSessions } from './store-sessions.ts'
import type { WithUser } from './user-store.ts'

/** The options of {@link sessionMiddlewareStack}. */
export interface SessionStackOptions extends Partial<SessionMiddlewareOptions> {}

/** The options of {@link authMiddlewareStack}. */
export interface AuthStackOptions<U extends User = User> extends SessionStackOptions, AuthMiddlewareOptions<U> {}

/**
 * Adds cookies and a session: `cookieMiddleware(sessionMiddleware(inner))`. Without `sessions`, sessions are in the memory of this
 * process and end with it.
 */
export function sessionMiddlewareStack<S extends ClientScope>(
  inner: Application<S>,
  options: SessionStackOptions = {},
): Application<OuterScope<S, WithCookies & WithSession>> {
  const { sessions = storeSessions(), rolling = false } = options
  // Only the cookie middleware copies the scope: 2 copies less are 3 % of the memory that a handshake allocates.
  const stack = cookieMiddleware(addSession(inner, { sessions, rolling }, true))
  // The compiler does not see that omitting keys one by one equals omitting them at once.
  return stack as unknown as Application<OuterScope<S, WithCookies & WithSession>>
}

/**
 * Adds cookies, a session and a user: `cookieMiddleware(sessionMiddleware(authMiddleware(inner)))`. Without `users`, all clients are
 * anonymous. Without `sessions`, sessions are in the memory of this process and end with it.
 *
 * @example
 * authMiddlewareStack(urlRouter(websocketRoutes), {
 *   sessions: storeSessions({ store, secret: process.env.SESSION_SECRET }),
 *   users: { findById: (id) => database.users.find(id) },
 * })
 */
export function authMiddlewareStack<S extends ClientScope, U extends User = User>(
  inner: Application<S>,
  options: AuthStackOptions<U> = {},
): Application<OuterScope<S, WithCookies & WithSession & WithUser<U>>> {
  const stack = sessionMiddlewareStack(addUser<S, U>(inner, options, true), options)
  return stack as unknown as Application<OuterScope<S, WithCookies & WithSession & WithUser<U>>>
}

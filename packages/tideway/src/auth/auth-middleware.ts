import type { Application } from '../asgi/application.ts'
import { authenticationKey } from '../asgi/scope-slots.ts'
import { anonymousUser, type User } from '../asgi/user.ts'
import { userOfSession, type Authentication, type WithAuthentication } from './authentication.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, ownScope, type ClientScope, type OuterScope } from './define-middleware.ts'
import { sessionIdentity, type SessionIdentity } from './session-identity.ts'
import type { WithSession } from './session-middleware.ts'
import type { UserStore, WithUser } from './user-store.ts'

/** The options of {@link authMiddleware}. */
export interface AuthMiddlewareOptions<U extends User = User> {
  /** Finds users by id. @default none: all clients are anonymous */
  readonly users?: UserStore<U> | undefined
  /** The format of the login in the session: `passportIdentity` for sessions of passport. @default sessionIdentity */
  readonly identity?: SessionIdentity | undefined
}

/**
 * Adds the user of the session to the scope as `scope.user`: the one that `users` returns, or `anonymousUser` if the session has no
 * login, if the user does not exist any more, or if the password has changed since the login.
 */
export function authMiddleware<S extends ClientScope, U extends User = User>(
  inner: Application<S>,
  options: AuthMiddlewareOptions<U> = {},
): Application<OuterScope<S, WithUser<U>> & WithSession> {
  return addUser(inner, options, false)
}

/** The {@link authMiddleware} of a stack. @param isCopy whether no other code has the scope that it is called with */
export function addUser<S extends ClientScope, U extends User = User>(
  inner: Application<S>,
  { users, identity = sessionIdentity }: AuthMiddlewareOptions<U>,
  isCopy: boolean,
): Application<OuterScope<S, WithUser<U>> & WithSession> {
  const authentication: Authentication = { users, identity }
  return defineMiddleware<S, WithUser<U> & WithAuthentication, WithSession>(
    inner,
    (inner) =>
      function authMiddleware(scope, receive, send) {
        const { session } = scope
        if (session === undefined) return missingScope('authMiddleware', 'session', 'put sessionMiddleware outside it')
        const run = (user: User): Promise<void> => {
          const own = ownScope(scope, isCopy)
          // `users` returns users of type U; every other user is the anonymous one.
          own.user = user as U
          own[authenticationKey] = authentication
          return inner(own as typeof scope & WithUser<U>, receive, send)
        }
        if (session.isEmpty) return run(anonymousUser)
        const user = userOfSession(session, authentication)
        return user instanceof Promise ? user.then(run) : run(user)
      },
  )
}

import type { Application } from '../asgi/application.ts'
import { authenticationKey } from '../asgi/scope-slots.ts'
import { anonymousUser, type User } from '../asgi/user.ts'
import { userOfSession, type Authentication, type WithAuthentication } from './authentication.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type ClientScope, type OuterScope } from './define-middleware.ts'
import { sessionIdentity, type SessionIdentity } from './session-identity.ts'
import type { WithSession } from './session-middleware.ts'
import type { UserStore, WithUser } from './user-store.ts'

/** The options of {@link authMiddleware}. */
export interface AuthMiddlewareOptions<U extends User = User> {
  /** Where the users are. @default nowhere: everybody is anonymous */
  readonly users?: UserStore<U> | undefined
  /** How the session says who is logged in: `passportIdentity` for the sessions of passport. @default sessionIdentity */
  readonly identity?: SessionIdentity | undefined
}

/**
 * Puts the user that the session names into `scope.user`, before the inner application is called: the one that `users` found, or
 * `anonymousUser` when nobody is logged in, when the user is gone, or when the password has changed since.
 */
export function authMiddleware<S extends ClientScope, U extends User = User>(
  inner: Application<S>,
  options: AuthMiddlewareOptions<U> = {},
): Application<OuterScope<S, WithUser<U>> & WithSession> {
  const { users, identity = sessionIdentity } = options
  const authentication: Authentication = { users, identity }
  return defineMiddleware<S, WithUser<U> & WithAuthentication, WithSession>(
    inner,
    (inner) => (scope, receive, send) => {
      const { session } = scope
      if (session === undefined) return missingScope('authMiddleware', 'session', 'put sessionMiddleware outside it')
      const run = (user: User): Promise<void> =>
        // `users` finds users of type U, and who is no U is anonymous.
        inner({ ...scope, user: user as U, [authenticationKey]: authentication }, receive, send)
      if (session.isEmpty) return run(anonymousUser)
      const user = userOfSession(session, authentication)
      return user instanceof Promise ? user.then(run) : run(user)
    },
  )
}

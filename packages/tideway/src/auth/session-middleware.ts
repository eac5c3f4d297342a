import type { Application } from '../asgi/application.ts'
import type { WithCookies } from './cookies.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type ClientScope, type OuterScope } from './define-middleware.ts'
import type { Session } from './session.ts'
import type { LoadedSession, SessionBackend } from './session-backend.ts'
import { SessionResponseSender, type ClientSend } from './session-response.ts'

/** What {@link sessionMiddleware} adds to the scope. */
export interface WithSession {
  readonly session: Session
}

/** The options of {@link sessionMiddleware}. */
export interface SessionMiddlewareOptions {
  /** Where sessions live. */
  readonly sessions: SessionBackend
  /** Whether every response and every accepted connection makes the session live longer, as express-session's option of that name. @default false */
  readonly rolling?: boolean
}

/**
 * Puts the visitor's {@link Session} into `scope.session`, before the inner application is called. A visitor without a cookie
 * costs no call to the store. A changed session of an HTTP request is saved when the response begins, unless its status is
 * 500; a WebSocket's when it calls `session.save()`, and its cookie goes out with the accept.
 *
 * A store that does not answer is a `ServiceUnavailableError` (503), never an anonymous visitor. Inside another
 * `sessionMiddleware` it does nothing.
 */
export function sessionMiddleware<S extends ClientScope>(
  inner: Application<S>,
  options: SessionMiddlewareOptions,
): Application<OuterScope<S, WithSession> & WithCookies> {
  const { sessions, rolling = false } = options
  const settings = { sessions, rolling }
  return defineMiddleware<S, WithSession, WithCookies>(inner, (inner) => (scope, receive, send) => {
    const { session, cookies } = scope
    if (session !== undefined) return inner({ ...scope, session }, receive, send)
    if (cookies === undefined) return missingScope('sessionMiddleware', 'cookies', 'put cookieMiddleware outside it')

    const cookieValue = cookies[sessions.cookieName]
    const run = (loaded: LoadedSession | undefined): Promise<void> => {
      const secure = scope.scheme === 'https' || scope.scheme === 'wss'
      // It is the send of this scope's type, and it is given what an application of that type sends.
      const visit = new SessionResponseSender(
        settings,
        loaded,
        { secure, hadCookie: cookieValue !== undefined },
        send as ClientSend,
      )
      return inner({ ...scope, session: visit.session }, receive, visit.send)
    }
    if (cookieValue === undefined || cookieValue === '') return run(undefined)
    const loaded = sessions.load(cookieValue, scope.logger)
    return loaded instanceof Promise ? loaded.then(run) : run(loaded)
  })
}

import type { Application } from '../asgi/application.ts'
import type { WithCookies } from './cookies.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, ownScope, type ClientScope, type OuterScope } from './define-middleware.ts'
import type { Session } from './session.ts'
import type { LoadedSession, SessionBackend } from './session-backend.ts'
import { SessionResponseSender, type ClientSend } from './session-response.ts'

/** What {@link sessionMiddleware} adds to the scope. */
export interface WithSession {
  readonly session: Session
}

/** The options of {@link sessionMiddleware}. */
export interface SessionMiddlewareOptions {
  /** The backend of the sessions. */
  readonly sessions: SessionBackend
  /** Whether every response and every accepted connection extends the session, as in express-session. @default false */
  readonly rolling?: boolean
}

/**
 * Adds the client's {@link Session} to the scope as `scope.session`. A client without a cookie causes no call to the store. The
 * changed session of an HTTP request is saved when the response begins, unless its status is 500. A WebSocket application calls
 * `session.save()` itself, and the accept sets the cookie.
 *
 * Rejects with a `ServiceUnavailableError` (503) if the store does not answer; the client never becomes anonymous then. Does nothing
 * inside another `sessionMiddleware`.
 */
export function sessionMiddleware<S extends ClientScope>(
  inner: Application<S>,
  options: SessionMiddlewareOptions,
): Application<OuterScope<S, WithSession> & WithCookies> {
  return addSession(inner, options, false)
}

/** The {@link sessionMiddleware} of a stack. @param isCopy whether no other code has the scope that it is called with */
export function addSession<S extends ClientScope>(
  inner: Application<S>,
  { sessions, rolling = false }: SessionMiddlewareOptions,
  isCopy: boolean,
): Application<OuterScope<S, WithSession> & WithCookies> {
  const settings = { sessions, rolling }
  return defineMiddleware<S, WithSession, WithCookies>(
    inner,
    (inner) =>
      function sessionMiddleware(scope, receive, send) {
        const { session, cookies } = scope
        if (session !== undefined) return inner({ ...scope, session }, receive, send)
        if (cookies === undefined)
          return missingScope('sessionMiddleware', 'cookies', 'put cookieMiddleware outside it')

        const cookieValue = cookies[sessions.cookieName]
        const run = (loaded: LoadedSession | undefined): Promise<void> => {
          const secure = scope.scheme === 'https' || scope.scheme === 'wss'
          // The `send` of this scope only gets the events of an application of its type.
          const response = new SessionResponseSender(
            settings,
            loaded,
            { secure, hadCookie: cookieValue !== undefined },
            send as ClientSend,
          )
          const own = ownScope(scope, isCopy)
          own.session = response.session
          return inner(own as typeof scope & WithSession, receive, response.sender())
        }
        if (cookieValue === undefined || cookieValue === '') return run(undefined)
        const loaded = sessions.load(cookieValue, scope.logger)
        return loaded instanceof Promise ? loaded.then(run) : run(loaded)
      },
  )
}

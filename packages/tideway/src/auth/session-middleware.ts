import type { Application, Send, SendOf } from '../asgi/application.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import type { WithCookies } from './cookies.ts'
import { missingScope } from './missing-scope.ts'
import { middleware, type ClientScope, type Outside } from './outside.ts'
import { Session, type SessionResponse } from './session.ts'
import type { LoadedSession, Sessions } from './sessions.ts'
import { deleteCookie, setCookie, type ResponseStartEvent } from './set-cookie.ts'

/** What {@link sessionMiddleware} adds to the scope. */
export interface WithSession {
  readonly session: Session
}

/** The options of {@link sessionMiddleware}. */
export interface SessionMiddlewareOptions {
  /** Where sessions live. */
  readonly sessions: Sessions
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
): Application<Outside<S, WithSession> & WithCookies> {
  const { sessions, rolling = false } = options
  return middleware<S, WithSession, WithCookies>(inner, (inner) => (scope, receive, send) => {
    const { session, cookies } = scope
    if (session !== undefined) return inner({ ...scope, session }, receive, send)
    if (cookies === undefined) return missingScope('sessionMiddleware', 'cookies', 'put cookieMiddleware outside it')

    const cookieValue = cookies[sessions.cookieName]
    const run = (loaded: LoadedSession | undefined): Promise<void> => {
      const secure = scope.scheme === 'https' || scope.scheme === 'wss'
      const response: SessionResponse = { secure, begun: false, cookie: undefined }
      const session = new Session(sessions, loaded, response)
      const visit: Visit = { session, sessions, response, rolling, hadCookie: cookieValue !== undefined }
      return inner({ ...scope, session }, receive, sendWithSession(visit, send))
    }
    if (cookieValue === undefined || cookieValue === '') return run(undefined)
    const loaded = sessions.load(cookieValue)
    return loaded instanceof Promise ? loaded.then(run) : run(loaded)
  })
}

/** One connection, as its way out needs it. */
interface Visit {
  readonly session: Session
  readonly sessions: Sessions
  readonly response: SessionResponse
  readonly rolling: boolean
  readonly hadCookie: boolean
}

type ClientSendEvent = HttpSendEvent | WebSocketSendEvent

/**
 * Saves the session where the response begins and puts its cookie there. Once the response has begun it costs a message two
 * comparisons.
 */
function sendWithSession(visit: Visit, sendOfScope: SendOf<ClientScope>): Send<ClientSendEvent> {
  // It is the send of this scope's type, and it is given what an application of that type sends.
  const send = sendOfScope as Send<ClientSendEvent>
  const { response } = visit
  /** What was sent while the session was being saved waits for it, in order. */
  let queue: Promise<void> | undefined

  const enqueue = (job: () => Promise<void>): Promise<void> => {
    const run = queue === undefined ? job() : queue.then(job)
    queue = run
    const settled = (): void => {
      if (queue === run) queue = undefined
    }
    run.then(settled, settled)
    return run
  }

  return (event) => {
    if (queue !== undefined) return enqueue(async () => send(event))
    if (response.begun) return send(event)
    if (!beginsResponse(event)) {
      if (event.type === 'websocket.close') response.begun = true
      return send(event)
    }
    if (!savesAt(visit, event) && !visit.rolling) {
      response.begun = true
      return send(withSessionCookie(visit, event))
    }
    return enqueue(async () => {
      if (savesAt(visit, event)) await visit.session.save()
      else await visit.session.touch()
      response.begun = true
      await send(withSessionCookie(visit, event))
    })
  }
}

function beginsResponse(event: ClientSendEvent): event is ResponseStartEvent {
  const { type } = event
  return type === 'http.response.start' || type === 'websocket.accept' || type === 'websocket.http.response.start'
}

/** What led to a 500 may have left the session half done. */
function savesAt({ session }: Visit, event: ResponseStartEvent): boolean {
  return event.type === 'http.response.start' && event.status !== 500 && session.modified
}

function withSessionCookie({ response, sessions, hadCookie }: Visit, event: ResponseStartEvent): ResponseStartEvent {
  const { cookie } = response
  if (cookie === undefined) return event
  if (cookie !== 'delete') return setCookie(event, sessions.cookieName, cookie.value, cookie.attributes)
  return hadCookie ? deleteCookie(event, sessions.cookieName, sessions.cookieScope) : event
}

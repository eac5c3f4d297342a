import type { Application, Receive, Send } from '../asgi/application.ts'
import { extendScope } from '../asgi/extend-scope.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { User } from '../asgi/user.ts'
import type { WebSocketMessageEvent, WebSocketReceiveEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { MAX_TIMER_MS, requirePositive } from '../errors/option-checks.ts'
import { closeUnauthorized, closeWhenExpired } from './token-expiry.ts'
import { defineMiddleware, type OuterScope } from './define-middleware.ts'
import { InvalidTokenError, type TokenVerifier, type VerifiedToken } from './token.ts'
import type { WithToken } from './token-middleware.ts'
import { findTokenUser, type UserStore, type WithUser } from './user-store.ts'

/** The options of {@link firstMessageTokenMiddleware}. */
export interface FirstMessageTokenOptions<U extends User = User> {
  /** Verifies the token: `jwtVerifier` for JWTs. */
  readonly verify: TokenVerifier
  /** Finds the user of the token. */
  readonly users: UserStore<U>
  /** The time within which the client has to send its token, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
  /** Returns the token in the client's first text message. @default the text itself */
  readonly tokenOf?: (text: string) => string | undefined
}

const DEFAULT_TIMEOUT_MS = 5000

/**
 * Accepts the WebSocket, reads a token from its first message, and then calls the inner application, whose accept has no further
 * effect. For clients that can neither set headers nor offer subprotocols. Every handshake is accepted, so put `originValidator`
 * outside. Closes the connection with 4401 if the token is late or not valid, or when it expires, and with 4403 if the inner
 * application rejects the handshake.
 */
export function firstMessageTokenMiddleware<S extends WebSocketScope, U extends User = User>(
  inner: Application<S>,
  options: FirstMessageTokenOptions<U>,
): Application<OuterScope<S, WithUser<U> & WithToken>> {
  const { verify, users, timeoutMs = DEFAULT_TIMEOUT_MS, tokenOf = (text) => text } = options
  requirePositive('timeoutMs', timeoutMs, MAX_TIMER_MS)
  const identify = async (event: WebSocketMessageEvent): Promise<{ user: U; token: VerifiedToken }> => {
    const text = event.text === undefined ? undefined : tokenOf(event.text)
    if (text === undefined) throw new InvalidTokenError({ cause: new TypeError('The first message has no token.') })
    const token = await verify(text)
    return { user: await findTokenUser(users, token.subject), token }
  }

  return defineMiddleware<S, WithUser<U> & WithToken, unknown, WebSocketScope>(
    inner,
    (inner) =>
      async function firstMessageTokenMiddleware(scope, receive, send) {
        await receive()
        await send({ type: 'websocket.accept' })
        const first = await firstEvent(receive, send, timeoutMs)
        if (first.type !== 'websocket.receive') return
        let credentials: { user: U; token: VerifiedToken }
        try {
          credentials = await identify(first)
        } catch (error) {
          if (!(error instanceof InvalidTokenError)) throw error
          scope.logger?.debug({ err: error, path: scope.path }, 'A token was refused')
          return closeUnauthorized(send, 'token not valid')
        }
        const sendAccepted = afterAccept(send)
        await closeWhenExpired(credentials.token, sendAccepted, () =>
          inner(extendScope(scope, credentials), connectFirst(receive), sendAccepted),
        )
      },
  )
}

const forbiddenCloseCode = 4403

/** Returns the client's first event. A client that sends none in time is closed; its first event is then the disconnect. */
async function firstEvent(
  receive: Receive<WebSocketReceiveEvent>,
  send: Send<WebSocketSendEvent>,
  timeoutMs: number,
): Promise<WebSocketReceiveEvent> {
  const timer = setTimeout(() => {
    void closeUnauthorized(send, 'no token')
  }, timeoutMs)
  try {
    return await receive()
  } finally {
    clearTimeout(timer)
  }
}

/** Prepends the event `websocket.connect`, which the middleware has received already. */
function connectFirst(receive: Receive<WebSocketReceiveEvent>): Receive<WebSocketReceiveEvent> {
  let connected = false
  return () => {
    if (connected) return receive()
    connected = true
    return { type: 'websocket.connect' }
  }
}

/** Translates the inner application's answer to the handshake for a connection that is open already. */
function afterAccept(send: Send<WebSocketSendEvent>): Send<WebSocketSendEvent> {
  let accepted = false
  return (event) => {
    if (accepted) return send(event)
    switch (event.type) {
      case 'websocket.accept':
        accepted = true
        return undefined
      case 'websocket.close':
      case 'websocket.http.response.start':
        return send({ type: 'websocket.close', code: forbiddenCloseCode, reason: 'forbidden' })
      case 'websocket.http.response.body':
        return undefined
      default:
        return send(event)
    }
  }
}

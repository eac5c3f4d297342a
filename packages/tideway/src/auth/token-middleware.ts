import type { Application, Send } from '../asgi/application.ts'
import { extendScope } from '../asgi/extend-scope.ts'
import type { HttpSendEvent } from '../asgi/http-events.ts'
import { anonymousUser, type User } from '../asgi/user.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { closeWhenExpired } from './token-expiry.ts'
import { defineMiddleware, type ClientScope, type OuterScope } from './define-middleware.ts'
import type { Tickets } from './tickets.ts'
import { InvalidTokenError, type TokenVerifier, type VerifiedToken } from './token.ts'
import {
  answerBearer,
  presentedToken,
  subprotocolsWithoutToken,
  ticketOfQuery,
  type TokenSource,
} from './token-sources.ts'
import { findTokenUser, type UserStore, type WithUser } from './user-store.ts'

/** The options of {@link tokenMiddleware}. */
export interface TokenMiddlewareOptions<U extends User = User> {
  /** Finds the user of the token. */
  readonly users: UserStore<U>
  /** Verifies tokens: `jwtVerifier` for JWTs. @default no tokens, only tickets */
  readonly verify?: TokenVerifier
  /** The places of a token in the request, in the order of the search. @default ['header', 'subprotocol'] */
  readonly sources?: readonly TokenSource[]
  /** Accepts one-time tickets in the query of the URL. @default none */
  readonly tickets?: Tickets
  /** The name of a ticket in the query. @default "ticket" */
  readonly ticketName?: string
  /** Whether a client without a token or ticket gets 401; otherwise it is anonymous. @default false */
  readonly required?: boolean
}

/** What `tokenMiddleware` and `firstMessageTokenMiddleware` add to the scope. */
export interface WithToken {
  /** The verified token; `undefined` if the client presented none or a ticket. */
  readonly token: VerifiedToken | undefined
}

/** The user of a client, and the token that proves it. */
interface Credentials<U> {
  readonly user: U
  readonly token: VerifiedToken | undefined
}

/**
 * Adds the user of a token or a one-time ticket to the scope as `scope.user`. Without one, the user of an outer `authMiddleware` is
 * kept, or the client is anonymous. A token or ticket that is not valid, or whose user does not exist, gets 401 without a reason.
 * Closes the WebSocket with 4401 when the token expires.
 */
export function tokenMiddleware<S extends ClientScope, U extends User = User>(
  inner: Application<S>,
  options: TokenMiddlewareOptions<U>,
): Application<OuterScope<S, WithUser<U> & WithToken>> {
  const { required = false } = options
  if (options.verify === undefined && options.tickets === undefined) {
    throw new TidewayError('ERR_BAD_OPTION', 'tokenMiddleware needs verify, tickets, or both.')
  }
  return defineMiddleware<S, WithUser<U> & WithToken>(
    inner,
    (inner) =>
      async function tokenMiddleware(scope, receive, sendOfScope) {
        // The `send` of this scope only gets the events of an application of its type.
        const send = sendOfScope as Send<HttpSendEvent | WebSocketSendEvent>
        const credentials = await verifyOrRefuse(scope, options)
        if (credentials === 'refused' || (credentials === undefined && required)) {
          if (scope.type === 'websocket') await receive()
          return refuse(scope, send)
        }
        const { user, token } = credentials ?? { user: scope.user ?? anonymousUser, token: undefined }
        if (scope.type === 'http') return inner(extendScope(scope, { user, token }), receive, send)
        const subprotocols = subprotocolsWithoutToken(scope.subprotocols)
        const answer = answerBearer(scope.subprotocols, send)
        return closeWhenExpired(token, answer, () =>
          inner(extendScope(scope, { user, token, subprotocols }), receive, answer),
        )
      },
  )
}

async function verifyOrRefuse<U extends User>(
  scope: ClientScope,
  options: TokenMiddlewareOptions<U>,
): Promise<Credentials<U> | undefined | 'refused'> {
  try {
    return await verifyCredentials(scope, options)
  } catch (error) {
    if (!(error instanceof InvalidTokenError)) throw error
    // Every client can send an invalid token, so this is no warning.
    scope.logger?.debug({ err: error, path: scope.path }, 'A token was refused')
    return 'refused'
  }
}

async function verifyCredentials<U extends User>(
  scope: ClientScope,
  { verify, sources = ['header', 'subprotocol'], tickets, ticketName = 'ticket', users }: TokenMiddlewareOptions<U>,
): Promise<Credentials<U> | undefined> {
  const text = presentedToken(scope, sources)
  if (text !== undefined && verify !== undefined) {
    const token = await verify(text)
    return { user: await findTokenUser(users, token.subject), token }
  }
  const ticket = ticketOfQuery(scope, ticketName)
  if (ticket === undefined || tickets === undefined) return undefined
  const userId = await tickets.redeem(ticket)
  if (userId === undefined)
    throw new InvalidTokenError({ cause: new TypeError('The ticket is unknown, expired or used.') })
  return { user: await findTokenUser(users, userId), token: undefined }
}

async function refuse({ type }: ClientScope, send: Send<HttpSendEvent | WebSocketSendEvent>): Promise<void> {
  const start = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"', 'content-length': '0' } }
  if (type === 'http') {
    await send({ type: 'http.response.start', ...start })
    await send({ type: 'http.response.body' })
    return
  }
  await send({ type: 'websocket.http.response.start', ...start })
  await send({ type: 'websocket.http.response.body' })
}

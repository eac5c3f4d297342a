import type { Application } from '../asgi/application.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { Authenticated, User } from '../asgi/user.ts'
import { MAX_TIMER_MS, requirePositive } from '../errors/option-checks.ts'
import { authenticationOf, type WithAuthentication } from './authentication.ts'
import { closeUnauthorized } from './token-expiry.ts'
import { getUser } from './login.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type OuterScope } from './define-middleware.ts'
import type { Revocations } from './revocations.ts'
import type { Session } from './session.ts'

/** The options of {@link authExpiry}. */
export interface AuthExpiryOptions {
  /** The time between two reads of the session, in milliseconds; `false`: never. @default 60000 */
  readonly checkIntervalMs?: number | false
  /** Closes the connections of a user at once when the user is revoked. @default none */
  readonly revocations?: Revocations
}

const DEFAULT_CHECK_INTERVAL_MS = 60_000

/** The properties that the scope has to have, and those that it may have. */
type LiveScope = Authenticated & WithAuthentication & { readonly session?: Session }

/**
 * Closes a WebSocket with 4401 when its login ends: the person logged out elsewhere, the session expired, the password changed, or
 * the user was deleted or revoked. Put it inside `authMiddlewareStack` or `tokenMiddleware`. It does nothing for anonymous connections.
 * While the session store is down, connections stay open, and the next check reads the store again.
 */
export function authExpiry<S extends WebSocketScope>(
  inner: Application<S>,
  options: AuthExpiryOptions = {},
): Application<OuterScope<S, {}> & LiveScope> {
  const { checkIntervalMs = DEFAULT_CHECK_INTERVAL_MS, revocations } = options
  if (checkIntervalMs !== false) requirePositive('checkIntervalMs', checkIntervalMs, MAX_TIMER_MS)
  return defineMiddleware<S, {}, LiveScope, WebSocketScope>(
    inner,
    (inner) =>
      async function authExpiry(scope, receive, send) {
        const { user, session } = scope
        if (user === undefined)
          return missingScope('authExpiry', 'user', 'put authMiddleware or tokenMiddleware outside it')
        if (user.id === undefined) return inner(scope, receive, send)
        const end = (reason: string): void => void closeUnauthorized(send, reason)
        const unregister = await revocations?.register(user.id, () => end('revoked'))
        const live = session !== undefined && { ...scope, user, session }
        const timer =
          checkIntervalMs !== false && live && isFromSession(live)
            ? setInterval(() => void endIfNotUser(live, end), spread(checkIntervalMs))
            : undefined
        try {
          await inner(scope, receive, send)
        } finally {
          clearInterval(timer)
          unregister?.()
        }
      },
  )
}

type SessionScope = WebSocketScope & WithAuthentication & { readonly user: User; readonly session: Session }

/** Whether the user comes from the session, and not from a token. */
function isFromSession(scope: SessionScope): boolean {
  const claimed = authenticationOf(scope).identity.read(scope.session)
  return String(claimed?.id) === String(scope.user.id)
}

async function endIfNotUser(scope: SessionScope, end: (reason: string) => void): Promise<void> {
  try {
    const user = await getUser(scope)
    if (user.id !== scope.user.id) end('logged out')
  } catch (error) {
    scope.logger?.warn({ err: error, path: scope.path }, 'The session of an open connection could not be checked')
  }
}

/** Varies the interval, so that connections that began together (after a deploy) do not read the store together. */
function spread(intervalMs: number): number {
  return intervalMs * (0.8 + Math.random() * 0.4)
}

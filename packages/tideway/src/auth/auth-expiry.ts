import type { Application } from '../asgi/application.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { Authenticated, User } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { authenticationOf, type WithAuthentication } from './authentication.ts'
import { closeUnauthorized } from './token-expiry.ts'
import { getUser } from './login.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type OuterScope } from './define-middleware.ts'
import type { Revocations } from './revocations.ts'
import type { Session } from './session.ts'

/** The options of {@link authExpiry}. */
export interface AuthExpiryOptions {
  /** How often the session is read again, in milliseconds; `false` for never. @default 60000 */
  readonly checkIntervalMs?: number | false
  /** Ends connections at once when their user is revoked. @default none */
  readonly revocations?: Revocations
}

const DEFAULT_CHECK_INTERVAL_MS = 60_000

/** What the scope has to have, and what it may. */
type LiveScope = Authenticated & WithAuthentication & { readonly session?: Session }

/**
 * Closes a WebSocket with 4401 when it is no longer its user's: the person logged out elsewhere, the session ended, the
 * password changed, the user was deleted or revoked. Goes inside `authMiddlewareStack` or `tokenMiddleware`. Anonymous connections cost
 * nothing. While the session store is down connections stay open, and it is asked again.
 */
export function authExpiry<S extends WebSocketScope>(
  inner: Application<S>,
  options: AuthExpiryOptions = {},
): Application<OuterScope<S, {}> & LiveScope> {
  const { checkIntervalMs = DEFAULT_CHECK_INTERVAL_MS, revocations } = options
  if (checkIntervalMs !== false && !(checkIntervalMs > 0 && checkIntervalMs < 2 ** 31)) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `checkIntervalMs is ${checkIntervalMs}: give milliseconds above 0, or false.`,
    )
  }
  return defineMiddleware<S, {}, LiveScope, WebSocketScope>(inner, (inner) => async (scope, receive, send) => {
    const { user, session } = scope
    if (user === undefined)
      return missingScope('authExpiry', 'user', 'put authMiddleware or tokenMiddleware outside it')
    if (user.id === undefined) return inner(scope, receive, send)
    const end = (reason: string): void => void closeUnauthorized(send, reason)
    const forget = await revocations?.register(user.id, () => end('revoked'))
    const live = session !== undefined && { ...scope, user, session }
    const timer =
      checkIntervalMs !== false && live && isFromSession(live)
        ? setInterval(() => void endIfNotUser(live, end), spread(checkIntervalMs))
        : undefined
    try {
      await inner(scope, receive, send)
    } finally {
      clearInterval(timer)
      forget?.()
    }
  })
}

type SessionScope = WebSocketScope & WithAuthentication & { readonly user: User; readonly session: Session }

/** Whether it is the session that says who the user is, and not a token beside it. */
function isFromSession(scope: SessionScope): boolean {
  const claimed = authenticationOf(scope).identity.read(scope.session)
  return String(claimed?.id) === String(scope.user.id)
}

async function endIfNotUser(scope: SessionScope, end: (reason: string) => void): Promise<void> {
  try {
    const user = await getUser(scope)
    if (user.id !== scope.user.id) end('logged out')
  } catch (error) {
    scope.logger?.warn({ err: error, path: scope.path }, 'Whether a session is still good could not be read')
  }
}

/** Connections that began together, after a deploy, should not ask together for ever. */
function spread(intervalMs: number): number {
  return intervalMs * (0.8 + Math.random() * 0.4)
}

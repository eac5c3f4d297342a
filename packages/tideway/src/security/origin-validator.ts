import type { Application, Receive, Send } from '../asgi/application.ts'
import { markOriginCheck, type WithOriginCheck } from '../asgi/origin-check.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { WebSocketReceiveEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { parseOrigin, type Origin } from './origin.ts'
import { matchesOrigin, parseOriginPattern } from './origin-pattern.ts'

/**
 * Lets a WebSocket handshake through only from pages of these origins. A browser sends its cookies along with a handshake that
 * any page on the web asks for, and no same-origin policy stops it; the `Origin` header says who asked.
 *
 * An entry is `*`, a host (`example.com`, any scheme and port), a domain with its subdomains (`.example.com`), or either of
 * these with a scheme and a port (`https://example.com:8443`; without a port the scheme's own). An entry that could
 * never match is refused with `ERR_BAD_OPTION`. Without an `Origin` header, or with an unreadable one, only `*` lets a client
 * in. Who is refused gets 403.
 */
export function originValidator<S extends WebSocketScope>(
  inner: Application<S>,
  allowedOrigins: readonly string[],
): Application<S> & WithOriginCheck {
  const patterns = allowedOrigins.map(parseOriginPattern)
  const allowsAll = patterns.includes('*')
  return validated('originValidator', inner, (origin) => {
    if (allowsAll) return true
    return origin !== undefined && patterns.some((pattern) => matchesOrigin(pattern, origin))
  })
}

/** The application behind a check of the origin. */
export function validated<S extends WebSocketScope>(
  who: string,
  inner: Application<S>,
  isAllowed: (origin: Origin | undefined, scope: S) => boolean,
): Application<S> & WithOriginCheck {
  const application: Application<S> = (scope, receive, send) => {
    if ((scope.type as string) !== 'websocket') return Promise.reject(wrongScope(who, scope.type))
    return isAllowed(originOf(scope), scope) ? inner(scope, receive, send) : refuse(receive, send)
  }
  return markOriginCheck(application)
}

/** What the handshake says. A browser sends one `Origin`; two that differ are a trick, and nobody's. */
function originOf(scope: WebSocketScope): Origin | undefined {
  const [first, ...more] = scope.headers.getAll('origin')
  if (first === undefined || more.some((origin) => origin !== first)) return undefined
  return parseOrigin(first)
}

/** A close before the accept is answered with 403. */
async function refuse(receive: Receive<WebSocketReceiveEvent>, send: Send<WebSocketSendEvent>): Promise<void> {
  await receive()
  await send({ type: 'websocket.close' })
}

function wrongScope(who: string, type: string): TidewayError {
  return new TidewayError(
    'ERR_MISSING_SCOPE',
    `${who} was called with a scope of type ${JSON.stringify(type)}: it guards WebSockets, so put it around the websocket application of protocolTypeRouter.`,
  )
}

import type { Application, Receive, Send } from '../asgi/application.ts'
import { adviseOrigin, describeSender } from '../asgi/foreign-page.ts'
import { OnceEach } from '../asgi/once-each.ts'
import { setTraits } from '../asgi/application-traits.ts'
import { originOf, type Origin } from '../asgi/origin.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { WebSocketReceiveEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { matchesOrigin, parseOriginPattern } from './origin-pattern.ts'

/**
 * Accepts WebSocket handshakes only from pages of these origins. Every page on the web can start a handshake, a browser sends its
 * cookies with it, and no same-origin policy prevents that; the `Origin` header names the site of the page.
 *
 * An entry is `*`, a host (`example.com`: `http` and `https`, any port), a domain with its subdomains (`.example.com`), either of
 * these with a scheme and a port (`https://example.com:8443`; the default is the port of the scheme), or the scheme of the pages of an
 * installed application (`file://`, `app://.`). Throws `ERR_BAD_OPTION` if an entry can never match. A client whose `Origin` header is
 * missing or cannot be parsed is accepted by `*` only. A rejected client gets 403, and the logger of the scope a warning, once per
 * origin.
 */
export function originValidator<S extends WebSocketScope>(
  inner: Application<S>,
  allowedOrigins: readonly string[],
): Application<S> {
  return listValidator('originValidator', inner, allowedOrigins, 'the list of originValidator')
}

/** Checks the origin against a list. `list` is the name of the list in messages. */
export function listValidator<S extends WebSocketScope>(
  name: string,
  inner: Application<S>,
  allowedOrigins: readonly string[],
  list: string,
): Application<S> {
  const patterns = allowedOrigins.map(parseOriginPattern)
  const allowsAll = patterns.includes('*')
  return validated(name, inner, {
    isAllowed: (origin) =>
      allowsAll || (origin !== undefined && patterns.some((pattern) => matchesOrigin(pattern, origin))),
    explain: ({ headers }) => `${list} has no such origin. ${adviseOrigin(headers, list)}`,
  })
}

/** The decision of a validator, and the second half of the sentence that gives the reason of a rejection. */
export interface OriginRule {
  readonly isAllowed: (origin: Origin | undefined, scope: WebSocketScope) => boolean
  readonly explain: (scope: WebSocketScope) => string
}

/** Returns the application with a check of the origin before it. */
export function validated<S extends WebSocketScope>(
  name: string,
  inner: Application<S>,
  { isAllowed, explain }: OriginRule,
): Application<S> {
  const reported = new OnceEach()
  const application: Application<S> = function originCheck(scope, receive, send) {
    if ((scope.type as string) !== 'websocket') return Promise.reject(wrongScope(name, scope.type))
    if (isAllowed(originOf(scope.headers), scope)) return inner(scope, receive, send)
    const reason = `Refused ${describeSender(scope.headers)}: ${explain(scope)}`
    if (scope.logger !== undefined && reported.isNew(reason)) scope.logger.warn({ path: scope.path }, reason)
    return refuse(reason, receive, send)
  }
  return setTraits(application, {
    checksOrigin: true,
    allowsOrigin: (scope) => isAllowed(originOf(scope.headers), scope),
    inner: [inner],
  })
}

/** Closes before the accept, which the server answers with 403. */
async function refuse(
  reason: string,
  receive: Receive<WebSocketReceiveEvent>,
  send: Send<WebSocketSendEvent>,
): Promise<void> {
  await receive()
  await send({ type: 'websocket.close', reason })
}

function wrongScope(name: string, type: string): TidewayError {
  return new TidewayError(
    'ERR_MISSING_SCOPE',
    `${name} was called with a scope of type ${JSON.stringify(type)}: it checks WebSockets only, so put it around the websocket application of protocolTypeRouter.`,
  )
}

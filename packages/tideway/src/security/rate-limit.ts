import { clientNetwork } from '../asgi/ip-address.ts'
import type { Application } from '../asgi/application.ts'
import { wrapApplication } from '../asgi/application-traits.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'
import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import type { User } from '../asgi/user.ts'
import type { WebSocketReceiveEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/**
 * The method of a `rate-limiter-flexible` limiter that {@link rateLimit} needs. The limiter counts in this process or in Redis. It
 * rejects with an `Error` if its store fails, and with any other value, such as `{ msBeforeNext }`, if the key has no points left.
 */
export interface RateLimiter {
  /** Consumes points of the key. Rejects if none are left. */
  consume(key: string, points?: number): Promise<unknown>
}

/** The scopes whose rate can be limited. */
type LimitedScope = HttpScope | WebSocketScope

/** The options of {@link rateLimit}. */
export interface RateLimitOptions<S extends LimitedScope> {
  /** Limits requests and handshakes. Those above the limit get 429 (RFC 6585 §4). @default unlimited */
  readonly connects?: RateLimiter
  /** Limits the messages of WebSocket clients. A connection above the limit is closed with 1008. @default unlimited */
  readonly messages?: RateLimiter
  /** Returns the key whose points are consumed. @default the user if one is logged in, else the address of the client */
  readonly key?: (scope: S) => string
}

/**
 * Limits the connects and messages of a user or an address. Behind a proxy, `proxyHeaders` is needed for the address of the client.
 * If the store of the limiter is down, clients get 503, so that an outage does not remove the limit. Throws `ERR_BAD_OPTION` if neither
 * `connects` nor `messages` is given.
 * @example rateLimit(urlRouter(routes), { messages: new RateLimiterMemory({ points: 20, duration: 1 }) })
 */
export function rateLimit<S extends LimitedScope>(inner: Application<S>, options: RateLimitOptions<S>): Application<S> {
  const { connects, messages, key = keyOf } = options
  if (connects === undefined && messages === undefined) {
    throw new TidewayError('ERR_BAD_OPTION', 'rateLimit needs connects, messages, or both.')
  }
  // The compiler cannot follow the type parameter S; the inner application gets the scope that the limiter got.
  const application = inner as unknown as Application<LimitedScope>
  const limited: Application<LimitedScope> = async function rateLimit(scope, receive, send) {
    const limitedKey = (key as (scope: LimitedScope) => string)(scope)
    if (connects !== undefined) await requirePoints(connects, limitedKey)
    if (messages === undefined || scope.type !== 'websocket') return application(scope, receive, send)

    const limitedReceive = async (): Promise<WebSocketReceiveEvent> => {
      for (;;) {
        const event = (await receive()) as WebSocketReceiveEvent
        if (event.type !== 'websocket.receive') return event
        if (await hasPoints(messages, limitedKey)) return event
        // Later messages are dropped until the connection has ended.
        await send({ type: 'websocket.close', code: closeCodes.policyViolation, reason: 'too many messages' } as never)
      }
    }
    return application(scope, limitedReceive, send)
  }
  return wrapApplication(inner, limited as unknown as Application<S>)
}

/** A user or an address has sent too many requests or handshakes: the server answers with 429. */
export class RateLimitError extends TidewayError {
  override readonly name = 'RateLimitError'
  /** The status of the server's response: 429 Too Many Requests (RFC 6585 §4). */
  readonly status = 429

  constructor() {
    super('ERR_RATE_LIMIT', 'Too many requests: wait before you try again.')
  }
}

async function requirePoints(limiter: RateLimiter, key: string): Promise<void> {
  if (!(await hasPoints(limiter, key))) throw new RateLimitError()
}

async function hasPoints(limiter: RateLimiter, key: string): Promise<boolean> {
  try {
    await limiter.consume(key)
    return true
  } catch (cause) {
    if (!(cause instanceof Error)) return false
    throw new ServiceUnavailableError('The rate limiter failed: see the cause, and check that its store is up.', {
      cause,
    })
  }
}

/** Prefixes users and addresses, so that a user whose id is an address does not share its key. */
function keyOf(scope: LimitedScope & { readonly user?: User | undefined }): string {
  const { user, client } = scope
  return user?.isAuthenticated === true
    ? `user:${String(user.id)}`
    : `address:${client?.host === undefined ? 'unix' : clientNetwork(client.host)}`
}

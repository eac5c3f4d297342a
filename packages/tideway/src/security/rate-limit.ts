import { clientNetwork } from '../asgi/ip-address.ts'
import type { Application } from '../asgi/application.ts'
import { carryOriginCheck } from '../asgi/origin-check.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'
import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import type { User } from '../asgi/user.ts'
import type { WebSocketReceiveEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/**
 * What counts: the one method of a `rate-limiter-flexible` limiter that is needed, whether it keeps its counts in this
 * process or in Redis. It rejects with an `Error` when its store fails, and with anything else, such as
 * `{ msBeforeNext }`, when the key has used up its points.
 */
export interface RateLimiter {
  /** Takes points from the key. Rejects when none are left. */
  consume(key: string, points?: number): Promise<unknown>
}

/** The scopes whose rate can be limited. */
type LimitedScope = HttpScope | WebSocketScope

/** What is limited. */
export interface RateLimitOptions<S extends LimitedScope> {
  /** Counts requests and handshakes; over it they are answered with 429 (RFC 6585 §4). @default unlimited */
  readonly connects?: RateLimiter
  /** Counts the messages of WebSocket clients; over it the connection is closed with 1008. @default unlimited */
  readonly messages?: RateLimiter
  /** Whose points are used. @default the user where one is logged in, else the address of the client */
  readonly key?: (scope: S) => string
}

/**
 * Limits how often a user or an address may connect and send. Behind a proxy, the address is the client's own only with
 * `proxyHeaders`. A limiter whose store is down is answered with 503: an outage must not open the door.
 * @example rateLimit(urlRouter(routes), { messages: new RateLimiterMemory({ points: 20, duration: 1 }) })
 */
export function rateLimit<S extends LimitedScope>(inner: Application<S>, options: RateLimitOptions<S>): Application<S> {
  const { connects, messages, key = keyOf } = options
  if (connects === undefined && messages === undefined) {
    throw new TidewayError('ERR_BAD_OPTION', 'rateLimit needs connects, messages, or both.')
  }
  // The compiler cannot follow an open S; what is called with a scope of S is given it on.
  const application = inner as unknown as Application<LimitedScope>
  const limited: Application<LimitedScope> = async (scope, receive, send) => {
    const who = (key as (scope: LimitedScope) => string)(scope)
    if (connects !== undefined) await requirePoints(connects, who)
    if (messages === undefined || scope.type !== 'websocket') return application(scope, receive, send)

    const limitedReceive = async (): Promise<WebSocketReceiveEvent> => {
      for (;;) {
        const event = (await receive()) as WebSocketReceiveEvent
        if (event.type !== 'websocket.receive') return event
        if (await hasPoints(messages, who)) return event
        // What still comes is thrown away until the connection has ended.
        await send({ type: 'websocket.close', code: closeCodes.policyViolation, reason: 'too many messages' } as never)
      }
    }
    return application(scope, limitedReceive, send)
  }
  return carryOriginCheck(inner, limited as unknown as Application<S>)
}

/** Too many requests or handshakes of one user or address: answered with 429. */
export class RateLimitError extends TidewayError {
  override readonly name = 'RateLimitError'
  /** What the server answers: 429 Too Many Requests (RFC 6585 §4). */
  readonly status = 429

  constructor() {
    super('ERR_RATE_LIMIT', 'Too many requests: wait before you try again.')
  }
}

async function requirePoints(limiter: RateLimiter, who: string): Promise<void> {
  if (!(await hasPoints(limiter, who))) throw new RateLimitError()
}

async function hasPoints(limiter: RateLimiter, who: string): Promise<boolean> {
  try {
    await limiter.consume(who)
    return true
  } catch (cause) {
    if (!(cause instanceof Error)) return false
    throw new ServiceUnavailableError('The rate limiter failed: see the cause, and whether its store is up.', { cause })
  }
}

/** Told apart, so that nobody can take an address as a user name. */
function keyOf(scope: LimitedScope & { readonly user?: User | undefined }): string {
  const { user, client } = scope
  return user?.isAuthenticated === true
    ? `user:${String(user.id)}`
    : `address:${client?.host === undefined ? 'unix' : clientNetwork(client.host)}`
}

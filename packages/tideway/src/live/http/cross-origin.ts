import { isProduction } from '../../asgi/is-production.ts'
import { isOriginOfHost, originOf } from '../../asgi/origin.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'

/** Whether a page of the origin of this request may connect. */
export type OriginCheck = (scope: WebSocketScope) => boolean

type Headers = readonly (readonly [string, string])[]

/** The origin of a request. */
export interface CrossOrigin {
  /** Whether it has an origin that may not connect. */
  readonly isForeign: boolean
  /** Whether it has an origin that may connect. */
  readonly isAllowed: boolean
  /** The headers of the responses. An origin that may not connect gets none that let a page read the response. */
  readonly headers: Headers
}

/** A cache must not answer another origin. */
const vary = ['Vary', 'Origin'] as const

/** The origin of the request, and the CORS headers of its responses. */
export function corsHeaders(scope: WebSocketScope, check: OriginCheck): CrossOrigin {
  const origin = scope.headers.get('origin')
  if (origin === undefined) return { isForeign: false, isAllowed: false, headers: [vary] }
  if (!check(scope)) return { isForeign: true, isAllowed: false, headers: [vary] }
  const headers: Headers = [
    vary,
    ['Access-Control-Allow-Origin', origin],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Access-Control-Expose-Headers', 'Retry-After'],
  ]
  return { isForeign: false, isAllowed: true, headers }
}

/** The headers of the answer to a preflight. */
export const preflightHeaders: Headers = [
  ['Access-Control-Allow-Methods', 'POST'],
  ['Access-Control-Allow-Headers', 'Authorization, Content-Type'],
  ['Access-Control-Max-Age', '600'],
]

/**
 * The check of an application without an origin validator, as the server checks its handshakes: in production only pages of the same
 * host send cookies.
 */
export function isOwnPage({ headers }: WebSocketScope): boolean {
  const origin = originOf(headers)
  return !isProduction() || (origin !== undefined && isOriginOfHost(origin, headers))
}

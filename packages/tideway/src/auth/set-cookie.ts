import { stringifySetCookie } from 'cookie'

import { entriesOf } from '../asgi/headers.ts'
import type { HttpResponseStartEvent } from '../asgi/http-events.ts'
import type { WebSocketAcceptEvent, WebSocketDenialStartEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** The events that start a response, and so can set cookies. */
export type ResponseStartEvent = HttpResponseStartEvent | WebSocketAcceptEvent | WebSocketDenialStartEvent

/** The attributes of a cookie (RFC 6265 §4.1.2). */
export interface CookieAttributes {
  /** The lifetime of the cookie, in seconds. Adds an `Expires` with the same time. @default until the browser closes */
  readonly maxAge?: number | undefined
  /** The expiry of the cookie. `maxAge` has precedence. @default until the browser closes */
  readonly expires?: Date | undefined
  /** The path of the cookie. @default "/" */
  readonly path?: string | undefined
  /** The domain of the cookie. @default only the host of the response */
  readonly domain?: string | undefined
  /** Whether the browser sends the cookie over TLS only. @default false */
  readonly secure?: boolean | undefined
  /** Whether scripts of the page cannot read it. @default false */
  readonly httpOnly?: boolean | undefined
  /** Whether requests from other sites have the cookie, also WebSocket handshakes; `false` leaves the attribute out. @default "lax" */
  readonly sameSite?: SameSite | false | undefined
  /** Whether the browser stores the cookie per top-level site (CHIPS). @default false */
  readonly partitioned?: boolean | undefined
  /** The order in which a browser removes cookies if a site has too many. @default no attribute */
  readonly priority?: CookiePriority | undefined
}

/** The values of the attribute `Priority`, which Chromium implements. */
export type CookiePriority = 'low' | 'medium' | 'high'

/** The values of the attribute `SameSite` (RFC 6265bis §5.6.7), in lower case or capitalized. */
export type SameSite = 'strict' | 'lax' | 'none' | 'Strict' | 'Lax' | 'None'

/**
 * Returns a copy of the event with one more `Set-Cookie` header. Throws `ERR_BAD_COOKIE` if the name, the value or an attribute is not
 * valid in that header.
 */
export function setCookie<E extends ResponseStartEvent>(
  event: E,
  name: string,
  value = '',
  attributes: CookieAttributes = {},
): E {
  const header = ['set-cookie', serializeCookie(name, value, attributes)] as const
  return { ...event, headers: [...entriesOf(event.headers ?? []), header] }
}

/**
 * Returns a copy of the event with a header that makes the browser delete the cookie. `path` and `domain` must be those that set the
 * cookie.
 */
export function deleteCookie<E extends ResponseStartEvent>(
  event: E,
  name: string,
  attributes: Pick<CookieAttributes, 'path' | 'domain' | 'secure' | 'httpOnly' | 'sameSite' | 'partitioned'> = {},
): E {
  const header = serializeCookie(name, '', { ...attributes, maxAge: 0, expires: new Date(0) })
  return { ...event, headers: [...entriesOf(event.headers ?? []), ['set-cookie', header] as const] }
}

/** Returns the value of a `Set-Cookie` header. */
function serializeCookie(name: string, value: string, attributes: CookieAttributes): string {
  const { maxAge, domain, partitioned, priority, sameSite = 'lax' } = attributes
  try {
    return stringifySetCookie({
      name,
      value,
      path: attributes.path ?? '/',
      secure: attributes.secure ?? false,
      httpOnly: attributes.httpOnly ?? false,
      ...(sameSite !== false && { sameSite: sameSite.toLowerCase() as Lowercase<SameSite> }),
      ...(domain !== undefined && { domain }),
      ...(partitioned !== undefined && { partitioned }),
      ...(priority !== undefined && { priority }),
      ...(maxAge !== undefined && { maxAge: Math.floor(maxAge) }),
      ...expiry(attributes),
    })
  } catch (cause) {
    throw new TidewayError('ERR_BAD_COOKIE', `The cookie ${JSON.stringify(name)} cannot be set: ${messageOf(cause)}.`, {
      cause,
    })
  }
}

/** Returns the `Expires` for `Max-Age`, for clients that do not implement `Max-Age`. */
function expiry({ maxAge, expires }: CookieAttributes): { expires?: Date } {
  if (expires !== undefined) return { expires }
  if (maxAge === undefined) return {}
  return { expires: new Date(Date.now() + Math.floor(maxAge) * 1000) }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

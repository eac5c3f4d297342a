import { stringifySetCookie } from 'cookie'

import { entriesOf } from '../asgi/headers.ts'
import type { HttpResponseStartEvent } from '../asgi/http-events.ts'
import type { WebSocketAcceptEvent, WebSocketDenialStartEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** The events that open a response and so can set cookies. */
export type ResponseStartEvent = HttpResponseStartEvent | WebSocketAcceptEvent | WebSocketDenialStartEvent

/** The attributes of a cookie (RFC 6265 §4.1.2). */
export interface CookieAttributes {
  /** Seconds that the cookie lives; an `Expires` of the same moment goes with it. @default until the browser closes */
  readonly maxAge?: number | undefined
  /** When the cookie ends. `maxAge` is preferred where both are given. @default until the browser closes */
  readonly expires?: Date | undefined
  /** @default "/" */
  readonly path?: string | undefined
  /** @default the host of the response alone */
  readonly domain?: string | undefined
  /** Whether the cookie is sent back over TLS only. @default false */
  readonly secure?: boolean | undefined
  /** Whether scripts of the page cannot read it. @default false */
  readonly httpOnly?: boolean | undefined
  /** Whether requests from other sites carry it, WebSocket handshakes included; `false` leaves the attribute out. @default "lax" */
  readonly sameSite?: SameSite | false | undefined
  /** Whether it is kept apart for each top-level site (CHIPS). @default false */
  readonly partitioned?: boolean | undefined
  /** Which cookies a browser drops first when a site has too many. @default no attribute */
  readonly priority?: CookiePriority | undefined
}

/** The values of the attribute `Priority`, which Chromium knows. */
export type CookiePriority = 'low' | 'medium' | 'high'

/** How far a cookie goes with requests that other sites cause (RFC 6265bis §5.6.7), in any case. */
export type SameSite = 'strict' | 'lax' | 'none' | 'Strict' | 'Lax' | 'None'

/**
 * The event with one more `Set-Cookie` header. The event that was given is not changed. Throws `ERR_BAD_COOKIE` on a name,
 * value or attribute that cannot be in the header.
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
 * The event with a header that makes the browser drop the cookie. `path` and `domain` must be those that the cookie was
 * set with.
 */
export function deleteCookie<E extends ResponseStartEvent>(
  event: E,
  name: string,
  attributes: Pick<CookieAttributes, 'path' | 'domain' | 'secure' | 'httpOnly' | 'sameSite' | 'partitioned'> = {},
): E {
  const header = serializeCookie(name, '', { ...attributes, maxAge: 0, expires: new Date(0) })
  return { ...event, headers: [...entriesOf(event.headers ?? []), ['set-cookie', header] as const] }
}

/** The value of a `Set-Cookie` header. */
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

/** A client that does not know `Max-Age` reads `Expires`: both name one moment. */
function expiry({ maxAge, expires }: CookieAttributes): { expires?: Date } {
  if (expires !== undefined) return { expires }
  if (maxAge === undefined) return {}
  return { expires: new Date(Date.now() + Math.floor(maxAge) * 1000) }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

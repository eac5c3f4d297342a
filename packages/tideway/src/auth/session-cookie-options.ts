import { TidewayError } from '../errors/tideway-error.ts'
import type { CookieAttributes, SameSite } from './set-cookie.ts'

/** 14 days: how long a session lives by default. */
export const defaultMaxAgeMs = 1_209_600_000

/** How the cookie of a session looks. */
export interface SessionCookieOptions {
  /** @default "connect.sid", as express-session's */
  readonly name?: string
  /** How long a session lives after it was last saved, in milliseconds; `null`: as long as the browser runs. @default 14 days */
  readonly maxAgeMs?: number | null
  /** @default "/" */
  readonly path?: string
  /** @default the host of the response alone */
  readonly domain?: string
  /** `"auto"`: when the request came over TLS. @default "auto" */
  readonly secure?: boolean | 'auto'
  /** @default true */
  readonly httpOnly?: boolean
  /** @default "lax" */
  readonly sameSite?: SameSite
}

/** The options with their defaults. */
export interface ResolvedSessionCookie {
  readonly name: string
  readonly maxAgeMs: number | null
  readonly path: string
  readonly domain: string | undefined
  readonly secure: boolean | 'auto'
  readonly httpOnly: boolean
  readonly sameSite: SameSite
}

/** Fills in the defaults. Throws `ERR_BAD_OPTION` on a life that is not a positive number. */
export function resolveSessionCookie(options: SessionCookieOptions): ResolvedSessionCookie {
  const maxAgeMs = options.maxAgeMs === undefined ? defaultMaxAgeMs : options.maxAgeMs
  if (maxAgeMs !== null && !(maxAgeMs > 0 && Number.isFinite(maxAgeMs))) {
    throw new TidewayError('ERR_BAD_OPTION', `maxAgeMs is ${maxAgeMs}: give milliseconds above 0, or null.`)
  }
  return {
    name: options.name ?? 'connect.sid',
    maxAgeMs,
    path: options.path ?? '/',
    domain: options.domain,
    secure: options.secure ?? 'auto',
    httpOnly: options.httpOnly ?? true,
    sameSite: options.sameSite ?? 'lax',
  }
}

/** The attributes of a cookie that is set now. */
export function attributesOf(cookie: ResolvedSessionCookie, secure: boolean): CookieAttributes {
  return {
    path: cookie.path,
    domain: cookie.domain,
    httpOnly: cookie.httpOnly,
    sameSite: cookie.sameSite,
    secure: cookie.secure === 'auto' ? secure : cookie.secure,
    ...(cookie.maxAgeMs !== null && { maxAge: cookie.maxAgeMs / 1000 }),
  }
}

/** The secrets of an option: the first one signs, all verify. Throws `ERR_BAD_OPTION` without one. */
export function secretsOf(secret: string | readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = typeof secret === 'string' ? [secret] : secret
  if (first === undefined || first === '' || rest.includes('')) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'secret is empty: give a long random string that all processes share, from the environment for instance.',
    )
  }
  return [first, ...rest]
}

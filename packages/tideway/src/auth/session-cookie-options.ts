import { TidewayError } from '../errors/tideway-error.ts'
import type { SessionBackend } from './session-backend.ts'
import type { CookieAttributes, CookiePriority, SameSite } from './set-cookie.ts'

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
  /** Whether requests from other sites carry it; `false` leaves the attribute out. @default "lax" */
  readonly sameSite?: SameSite | false
  /** Whether it is kept apart for each top-level site (CHIPS), which needs `secure`. @default false */
  readonly partitioned?: boolean
  /** Which cookies a browser drops first when a site has too many. @default no attribute */
  readonly priority?: CookiePriority | undefined
}

/** The options with their defaults. */
export interface ResolvedSessionCookie {
  readonly name: string
  readonly maxAgeMs: number | null
  readonly path: string
  readonly domain: string | undefined
  readonly secure: boolean | 'auto'
  readonly httpOnly: boolean
  readonly sameSite: SameSite | false
  readonly partitioned: boolean
  readonly priority: CookiePriority | undefined
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
    partitioned: options.partitioned ?? false,
    priority: options.priority,
  }
}

/** The attributes of a cookie that is set now. */
export function attributesOf(cookie: ResolvedSessionCookie, secure: boolean): CookieAttributes {
  return {
    path: cookie.path,
    domain: cookie.domain,
    httpOnly: cookie.httpOnly,
    sameSite: cookie.sameSite,
    partitioned: cookie.partitioned,
    priority: cookie.priority,
    secure: cookie.secure === 'auto' ? secure : cookie.secure,
    ...(cookie.maxAgeMs !== null && { maxAge: cookie.maxAgeMs / 1000 }),
  }
}

/** What deletes such a cookie. A browser takes no `Partitioned` without `Secure`. */
export function cookieScopeOf({ path, domain, partitioned }: ResolvedSessionCookie): SessionBackend['cookieScope'] {
  return partitioned ? { path, domain, partitioned, secure: true } : { path, domain }
}

/** Below it, the secret is easier to guess than the HMAC-SHA256 that it keys (RFC 2104 §3). */
const MIN_SECRET_BYTES = 32
let isWeakSecretReported = false

/** The secrets of an option: the first one signs, all verify. Throws `ERR_BAD_OPTION` without one, and warns once of a short one. */
export function secretsOf(secret: string | readonly string[]): readonly [string, ...string[]] {
  // An environment variable that is not set gets here as undefined, whatever its type says.
  const given: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const [first, ...rest] = given.filter((one) => typeof one === 'string' && one !== '') as string[]
  if (first === undefined || rest.length + 1 < given.length) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'secret is empty: give a long random string that all processes share, from the environment for instance.',
    )
  }
  if (!isWeakSecretReported && Buffer.byteLength(first) < MIN_SECRET_BYTES) {
    isWeakSecretReported = true
    const message = `The session secret has ${Buffer.byteLength(first)} bytes, so cookies can be forged by guessing it: give at least ${MIN_SECRET_BYTES} random bytes.`
    process.emitWarning(message, { code: 'TIDEWAY_WEAK_SECRET' })
  }
  return [first, ...rest]
}

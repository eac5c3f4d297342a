import { requirePositive } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { SessionBackend } from './session-backend.ts'
import type { CookieAttributes, CookiePriority, SameSite } from './set-cookie.ts'

/** The default lifetime of a session: 14 days. */
export const defaultMaxAgeMs = 1_209_600_000

/** The options for the cookie of a session. */
export interface SessionCookieOptions {
  /** The name of the cookie. @default "connect.sid", as in express-session */
  readonly name?: string
  /** The lifetime of a session after its last save, in milliseconds; `null`: until the browser closes. @default 14 days */
  readonly maxAgeMs?: number | null
  /** The path of the cookie. @default "/" */
  readonly path?: string
  /** The domain of the cookie. @default only the host of the response */
  readonly domain?: string
  /** Whether the browser sends the cookie over TLS only. `"auto"`: if the request came over TLS. @default "auto" */
  readonly secure?: boolean | 'auto'
  /** Whether scripts of the page cannot read the cookie. @default true */
  readonly httpOnly?: boolean
  /** Whether requests from other sites have the cookie; `false` leaves the attribute out. @default "lax" */
  readonly sameSite?: SameSite | false
  /** Whether the browser stores the cookie per top-level site (CHIPS), which needs `secure`. @default false */
  readonly partitioned?: boolean
  /** The order in which a browser removes cookies if a site has too many. @default no attribute */
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

/** Fills in the defaults. Throws `ERR_BAD_OPTION` if the lifetime is not a positive number. */
export function resolveSessionCookie(options: SessionCookieOptions): ResolvedSessionCookie {
  const maxAgeMs = options.maxAgeMs === undefined ? defaultMaxAgeMs : options.maxAgeMs
  if (maxAgeMs !== null) requirePositive('maxAgeMs', maxAgeMs)
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

/** Returns the attributes of a cookie that is set now. */
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

/** Returns the attributes that delete the cookie. A browser ignores `Partitioned` without `Secure`. */
export function cookieScopeOf({ path, domain, partitioned }: ResolvedSessionCookie): SessionBackend['cookieScope'] {
  return partitioned ? { path, domain, partitioned, secure: true } : { path, domain }
}

/** A shorter secret is easier to guess than the key of HMAC-SHA256 (RFC 2104 §3). */
const MIN_SECRET_BYTES = 32
let isWeakSecretReported = false

/** Returns the secrets of an option: the first one signs, all verify. Throws `ERR_BAD_OPTION` if there is none; warns once if it is short. */
export function secretsOf(secret: string | readonly string[]): readonly [string, ...string[]] {
  // An environment variable that is not set is undefined here, whatever its type is.
  const given: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const [first, ...rest] = given.filter((one) => typeof one === 'string' && one !== '') as string[]
  if (first === undefined || rest.length + 1 < given.length) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'secret is empty: give a long random string that all processes share, for example from the environment.',
    )
  }
  if (!isWeakSecretReported && Buffer.byteLength(first) < MIN_SECRET_BYTES) {
    isWeakSecretReported = true
    const message = `The session secret has ${Buffer.byteLength(first)} bytes, so cookies can be forged by guessing it: give at least ${MIN_SECRET_BYTES} random bytes.`
    process.emitWarning(message, { code: 'TIDEWAY_WEAK_SECRET' })
  }
  return [first, ...rest]
}

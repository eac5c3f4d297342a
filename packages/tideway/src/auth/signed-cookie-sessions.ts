import { stringifySetCookie } from 'cookie'

import { TidewayError } from '../errors/tideway-error.ts'
import {
  attributesOf,
  cookieScopeOf,
  defaultMaxAgeMs,
  resolveSessionCookie,
  secretsOf,
  type SessionCookieOptions,
} from './session-cookie-options.ts'
import type { LoadedSession, SessionData, SessionBackend } from './session-backend.ts'
import { signValue, verifySigned } from './signed-value.ts'
import { UnsignedCookies } from './unsigned-cookies.ts'

/** How the cookie of {@link signedCookieSessions} looks and what signs it. */
export interface SignedCookieSessionsOptions extends SessionCookieOptions {
  /** What signs the cookie: long, random, and the same in all processes. Of several the first one signs and all are accepted. */
  readonly secret: string | readonly string[]
}

/** What browsers keep of a cookie, name and value together, in bytes (RFC 6265 §6.1). */
const MAX_COOKIE_BYTES = 4096
/** Signed with the value, so that nothing else that the same secret signed can be taken for a session. */
const MARK = 'tideway-session.'

/**
 * Sessions without a store: the cookie holds the data, signed and with the time when they end. The visitor can read
 * them, and a copy of a cookie stays good until it expires: a logout takes the cookie away and cannot make copies worthless.
 * At most 4096 bytes; more is refused with `ERR_SESSION_TOO_LARGE`.
 */
export function signedCookieSessions(options: SignedCookieSessionsOptions): SessionBackend {
  const secrets = secretsOf(options.secret)
  const cookie = resolveSessionCookie({ name: 'tideway.session', ...options })
  const unsigned = new UnsignedCookies(cookie.name, 'signedCookieSessions({ secret })')
  const lifeMs = cookie.maxAgeMs ?? defaultMaxAgeMs

  return {
    cookieName: cookie.name,
    cookieScope: cookieScopeOf(cookie),
    dataInCookie: true,

    load(cookieValue, logger) {
      const payload = verifySigned(cookieValue, secrets)
      if (payload !== undefined) return decode(payload)
      unsigned.report(logger)
      return undefined
    },

    async reload() {
      return undefined
    },

    async save({ data, secure }) {
      const expiresAt = Date.now() + lifeMs
      const value = signValue(encode(data, expiresAt), secrets)
      const size = stringifySetCookie({ name: cookie.name, value }).length - '='.length
      if (size > MAX_COOKIE_BYTES) {
        throw new TidewayError(
          'ERR_SESSION_TOO_LARGE',
          `The session makes a cookie of ${size} bytes, and browsers keep ${MAX_COOKIE_BYTES}: keep less in it, or use storeSessions.`,
        )
      }
      return { key: undefined, data, expiresAt, cookie: { value, attributes: attributesOf(cookie, secure) } }
    },

    async touch() {
      return undefined
    },

    async destroy() {},
  }
}

function encode(data: SessionData, expiresAt: number): string {
  return MARK + Buffer.from(JSON.stringify({ expiresAt, data })).toString('base64url')
}

/** The payload has been verified, so it is what {@link encode} wrote, perhaps another release's. */
function decode(payload: string): LoadedSession | undefined {
  if (!payload.startsWith(MARK)) return undefined
  const parsed = parseJson(Buffer.from(payload.slice(MARK.length), 'base64url').toString())
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { expiresAt, data } = parsed as { expiresAt?: unknown; data?: unknown }
  if (typeof expiresAt !== 'number' || expiresAt <= Date.now()) return undefined
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
  return { key: undefined, data: data as SessionData, expiresAt }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

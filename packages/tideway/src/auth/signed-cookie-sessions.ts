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

/** The options of {@link signedCookieSessions}. */
export interface SignedCookieSessionsOptions extends SessionCookieOptions {
  /** The secret that signs the cookie: long, random, and the same in all processes. Of several, the first one signs and all verify. */
  readonly secret: string | readonly string[]
}

/** The largest cookie that browsers store, name and value together, in bytes (RFC 6265 §6.1). */
const MAX_COOKIE_BYTES = 4096
/** A signed prefix, so that no other value that the same secret signed is accepted as a session. */
const MARK = 'tideway-session.'

/**
 * Returns a backend without a store: the cookie holds the signed data and their expiry. The client can read the data. A copy of a cookie
 * stays valid until it expires: a logout deletes the cookie, but it cannot invalidate copies. A save rejects with
 * `ERR_SESSION_TOO_LARGE` if the cookie has more than 4096 bytes.
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
          `The session makes a cookie of ${size} bytes, and browsers store at most ${MAX_COOKIE_BYTES}: store less in it, or use storeSessions.`,
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

/** Decodes the result of {@link encode}, perhaps of another release. The signature has been verified. */
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

import { randomInt } from 'node:crypto'

import type { Logger } from '../asgi/logger.ts'
import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { djangoDumps, djangoLoads, saltedHmac } from './django-signing.ts'
import { withChanges } from './session.ts'
import {
  attributesOf,
  cookieScopeOf,
  defaultMaxAgeMs,
  resolveSessionCookie,
  secretsOf,
  type SessionCookieOptions,
} from './session-cookie-options.ts'
import { SessionGoneError } from './session-gone-error.ts'
import { sessionIdentity, type SessionIdentity } from './session-identity.ts'
import type { SessionCookie, SessionData, SessionBackend, WrittenSession } from './session-backend.ts'
import { UnsignedCookies } from './unsigned-cookies.ts'

type MaybePromise<T> = T | Promise<T>

/** The calls on the table `django_session` that {@link djangoSessions} needs. */
export interface DjangoSessionTable {
  /** Returns `session_data` of the row with this `session_key` if its `expire_date` is in the future. */
  find(sessionKey: string): MaybePromise<string | null | undefined>
  /** Inserts or updates the row. @default none: sessions are read-only */
  save?(sessionKey: string, sessionData: string, expireDate: Date): MaybePromise<unknown>
  /** Deletes the row. @default none: sessions are read-only */
  delete?(sessionKey: string): MaybePromise<unknown>
}

/** The sessions of a Django site, from its settings. */
export interface DjangoSessionsOptions extends SessionCookieOptions {
  /** `SECRET_KEY`, or an array of it and `SECRET_KEY_FALLBACKS`. */
  readonly secretKey: string | readonly string[]
  /** The rows of the backends `db` and `cached_db`. @default the backend `signed_cookies` */
  readonly database?: DjangoSessionTable
  /** `SESSION_COOKIE_NAME`. @default "sessionid" */
  readonly name?: string
  /** `SESSION_COOKIE_AGE`, in milliseconds. @default 14 days */
  readonly maxAgeMs?: number | null
}

const DATABASE_SALT = 'django.contrib.sessions.SessionStore'
const COOKIE_SALT = 'django.contrib.sessions.backends.signed_cookies'
const SESSION_KEY = /^[a-z0-9]{8,40}$/
const KEY_LENGTH = 32
const KEY_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'
/** No browser sends longer cookies (RFC 6265 §6.1). */
const MAX_COOKIE_LENGTH = 4096

/**
 * Returns a backend for the sessions of a Django site (3.1 or later, with the JSON serializer, which is the default): in its database,
 * through a port, or in its signed cookies. Sessions of the cache backend are Python pickles and cannot be read: use `connectProxy`
 * for such a site.
 */
export function djangoSessions(options: DjangoSessionsOptions): SessionBackend {
  const cookie = resolveSessionCookie({ ...options, name: options.name ?? 'sessionid' })
  const common = { cookieName: cookie.name, cookieScope: cookieScopeOf(cookie) }
  const unsigned = new UnsignedCookies(cookie.name, 'djangoSessions({ secretKey })')
  const secrets = secretsOf(options.secretKey)
  const lifeMs = cookie.maxAgeMs ?? defaultMaxAgeMs
  const cookieOf = (value: string, secure: boolean): SessionCookie => ({
    value,
    attributes: attributesOf(cookie, secure),
  })
  const { database } = options
  if (database === undefined) return { ...common, ...inCookies(secrets, lifeMs, cookieOf, unsigned) }
  return { ...common, ...inDatabase(database, secrets, lifeMs, cookieOf, unsigned) }
}

type Backend = Omit<SessionBackend, 'cookieName' | 'cookieScope'>
type CookieOf = (value: string, secure: boolean) => SessionCookie

function inCookies(
  secrets: readonly [string, ...string[]],
  lifeMs: number,
  cookieOf: CookieOf,
  unsigned: UnsignedCookies,
): Backend {
  return {
    dataInCookie: true,
    load(value, logger) {
      if (value.length > MAX_COOKIE_LENGTH) return undefined
      const signed = djangoLoads(value, COOKIE_SALT, secrets, lifeMs)
      if (signed === 'bad signature') unsigned.report(logger)
      if (signed === undefined || signed === 'bad signature') return undefined
      const data = objectOf(signed.data)
      return data && { key: undefined, data, expiresAt: signed.signedAt + lifeMs }
    },
    async reload() {
      return undefined
    },
    async save({ data, secure }) {
      const value = djangoDumps(data, COOKIE_SALT, secrets[0])
      if (value.length > MAX_COOKIE_LENGTH) {
        throw new TidewayError(
          'ERR_SESSION_TOO_LARGE',
          `The session makes a cookie of ${value.length} bytes, and browsers store at most ${MAX_COOKIE_LENGTH}: store less in it.`,
        )
      }
      return { key: undefined, data, expiresAt: Date.now() + lifeMs, cookie: cookieOf(value, secure) }
    },
    async touch() {
      return undefined
    },
    async destroy() {},
  }
}

function inDatabase(
  table: DjangoSessionTable,
  secrets: readonly [string, ...string[]],
  lifeMs: number,
  cookieOf: CookieOf,
  unsigned: UnsignedCookies,
): Backend {
  const reload = async (key: string, logger?: Logger): Promise<{ key: string; data: SessionData } | undefined> => {
    const row = await answerOf(() => table.find(key))
    if (typeof row !== 'string') return undefined
    const signed = djangoLoads(row, DATABASE_SALT, secrets)
    if (signed === 'bad signature') unsigned.report(logger)
    const data = typeof signed === 'object' ? objectOf(signed.data) : undefined
    return data && { key, data }
  }
  const write = async (key: string, data: SessionData, secure: boolean): Promise<WrittenSession> => {
    if (table.save === undefined) throw readOnly('save')
    const signed = djangoDumps(data, DATABASE_SALT, secrets[0])
    await answerOf(() => table.save?.(key, signed, new Date(Date.now() + lifeMs)))
    return { key, data, cookie: cookieOf(key, secure) }
  }
  return {
    dataInCookie: false,
    load: (value, logger) => (SESSION_KEY.test(value) ? reload(value, logger) : undefined),
    reload: (key) => reload(key),
    async save({ key, data, changes, secure }) {
      if (key === undefined) return write(newKey(), data, secure)
      const session = await reload(key)
      if (session === undefined) throw new SessionGoneError()
      return write(key, withChanges(session.data, changes), secure)
    },
    async touch() {
      // As in Django without SESSION_SAVE_EVERY_REQUEST: the lifetime of a session counts from its last change.
      return undefined
    },
    async destroy(key) {
      if (table.delete === undefined) throw readOnly('delete')
      await answerOf(() => table.delete?.(key))
    },
  }
}

/**
 * Returns Django's format of a login: that of `sessionIdentity`, with the id as a string and the name of the authentication backend.
 * Only applications that write logins need it.
 */
export function djangoIdentity(backend: string = 'django.contrib.auth.backends.ModelBackend'): SessionIdentity {
  return {
    ...sessionIdentity,
    write(session, { id, hash }) {
      sessionIdentity.write(session, { id: String(id), hash })
      session.set('_auth_user_backend', backend)
    },
  }
}

/** Returns Django's `user.get_session_auth_hash()` for the column `password`. Use it as `users.sessionHash`. */
export function djangoSessionHash(secretKey: string, password: string): string {
  const salt = 'django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash'
  return saltedHmac(salt, password, secretKey).toString('hex')
}

function newKey(): string {
  return Array.from({ length: KEY_LENGTH }, () => KEY_ALPHABET[randomInt(KEY_ALPHABET.length)]).join('')
}

function objectOf(data: unknown): SessionData | undefined {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as SessionData) : undefined
}

async function answerOf<T>(call: () => MaybePromise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof TidewayError) throw cause
    throw new ServiceUnavailableError('The database of the Django sessions failed: see the cause.', { cause })
  }
}

function readOnly(call: 'save' | 'delete'): TidewayError {
  return new TidewayError(
    'ERR_READ_ONLY_SESSION',
    `The session is read-only: change it in Django, or give djangoSessions a database with ${call}().`,
  )
}

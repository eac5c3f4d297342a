import { randomBytes } from 'node:crypto'

import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { MAX_TIMER_MS, requirePositive } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { MemorySessionStore } from './memory-session-store.ts'
import { reservedName, withChanges } from './session.ts'
import { cookieScopeOf, resolveSessionCookie, secretsOf, type SessionCookieOptions } from './session-cookie-options.ts'
import { SessionGoneError } from './session-gone-error.ts'
import { callStore, type SessionStore, type StoredCookie, type StoredSession } from './session-store.ts'
import type { SessionData, SessionBackend } from './session-backend.ts'
import { signValue, verifySigned } from './signed-value.ts'
import { dateOf, StoreCookie } from './store-cookie.ts'
import { UnsignedCookies } from './unsigned-cookies.ts'

/** The options of {@link storeSessions}. */
export interface StoreSessionsOptions extends SessionCookieOptions {
  /**
   * The secret that signs the cookie, the same as express-session's. Of several, the first one signs and all verify, so that a
   * secret can be replaced. Required with a store. @default random: sessions end with the process
   */
  readonly secret?: string | readonly string[]
  /** A store of express-session. @default a {@link MemorySessionStore} */
  readonly store?: SessionStore
  /** The prefix of the signed id in the cookie: `""` for `@fastify/session`. @default "s:", as in express-session */
  readonly cookiePrefix?: string
  /** The time within which the store has to answer, in milliseconds. @default 3000, below the 5000 that a server allows for a handshake */
  readonly storeTimeoutMs?: number
}

const DEFAULT_STORE_TIMEOUT_MS = 3000
/** 192 bits, as in express-session. */
const ID_BYTES = 24

/**
 * Returns a backend with a store and the cookie of express-session. An Express application with `express-session` and a WebSocket
 * application share their sessions if they have the same store, secret and cookie name.
 */
export function storeSessions(options: StoreSessionsOptions = {}): SessionBackend {
  const { store = new MemorySessionStore(), cookiePrefix = 's:', storeTimeoutMs = DEFAULT_STORE_TIMEOUT_MS } = options
  if (options.store !== undefined && options.secret === undefined) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'storeSessions has a store and no secret, so its cookies are not valid in other processes: give the secret of express-session.',
    )
  }
  requirePositive('storeTimeoutMs', storeTimeoutMs, MAX_TIMER_MS)
  const secrets = secretsOf(options.secret ?? randomBytes(32).toString('base64url'))
  const cookie = resolveSessionCookie(options)
  const unsigned = new UnsignedCookies(cookie.name, 'storeSessions({ secret })')

  const get = async (id: string): Promise<StoredSession | undefined> =>
    liveSession(await callStore<unknown>(storeTimeoutMs, (done) => store.get(id, done)))
  const set = (id: string, session: StoredSession): Promise<unknown> =>
    callStore(storeTimeoutMs, (done) => store.set(id, session as never, done))
  const cookieOf = (id: string, stored: StoreCookie): { value: string; attributes: StoreCookie['attributes'] } => ({
    value: cookiePrefix + signValue(id, secrets),
    attributes: stored.attributes,
  })

  const reload = async (key: string): Promise<{ key: string; data: SessionData } | undefined> => {
    const session = await get(key)
    return session === undefined ? undefined : { key, data: dataOf(session) }
  }

  return {
    cookieName: cookie.name,
    cookieScope: cookieScopeOf(cookie),
    dataInCookie: false,

    load(cookieValue, logger) {
      const id = cookieValue.startsWith(cookiePrefix)
        ? verifySigned(cookieValue.slice(cookiePrefix.length), secrets)
        : undefined
      if (id === undefined) unsigned.report(logger)
      return id === undefined || id === '' ? undefined : reload(id)
    },

    reload,

    async save({ key, data, changes, secure }) {
      if (key === undefined) {
        const id = randomBytes(ID_BYTES).toString('base64url')
        const created = StoreCookie.create(cookie, secure)
        await set(id, { ...data, [reservedName]: created })
        return { key: id, data, cookie: cookieOf(id, created) }
      }
      const session = await get(key)
      if (session === undefined) throw new SessionGoneError()
      // The store cannot update a part of a session, so the current one is read first. Only a write between these two
      // calls is lost.
      const merged = withChanges(dataOf(session), changes)
      const renewed = StoreCookie.renew(session.cookie)
      await set(key, { ...merged, [reservedName]: renewed })
      return { key, data: merged, cookie: cookieOf(key, renewed) }
    },

    async touch(key) {
      const session = await get(key)
      if (session === undefined) return undefined
      const renewed = StoreCookie.renew(session.cookie)
      const touched = { ...session, [reservedName]: renewed }
      if (store.touch === undefined) await set(key, touched)
      else await callStore(storeTimeoutMs, (done) => store.touch?.(key, touched as never, done))
      return cookieOf(key, renewed)
    },

    async destroy(key) {
      await callStore(storeTimeoutMs, (done) => store.destroy(key, done))
    },
  }
}

/** Returns the session that a store answered, unless it has expired: not every store checks that. */
function liveSession(answer: unknown): StoredSession | undefined {
  if (answer === undefined || answer === null) return undefined
  if (typeof answer !== 'object' || Array.isArray(answer)) {
    throw new ServiceUnavailableError(`The session store answered with ${typeof answer} instead of a session.`)
  }
  // Without symbol keys: the objects of @fastify/session's memory store have private symbols.
  const { cookie, ...data } = Object.fromEntries(Object.entries(answer))
  const attributes = attributesOf(cookie)
  const expires = dateOf(attributes.expires)
  if (expires !== null && expires.getTime() <= Date.now()) return undefined
  return { ...data, cookie: { originalMaxAge: null, ...attributes } }
}

/** Returns the attributes of a stored cookie: a JSON object, or an object with `toJSON` in a store that keeps objects. */
function attributesOf(cookie: unknown): Partial<StoredCookie> {
  if (typeof cookie !== 'object' || cookie === null) return {}
  const { toJSON } = cookie as { readonly toJSON?: unknown }
  const attributes: unknown = typeof toJSON === 'function' ? toJSON.call(cookie) : cookie
  return typeof attributes === 'object' && attributes !== null ? attributes : {}
}

function dataOf(session: StoredSession): SessionData {
  const { cookie: _, ...data } = session
  return data
}

import type { Logger } from '../asgi/logger.ts'
import type { CookieAttributes } from './set-cookie.ts'

/** The data of a session: JSON values by name. */
export type SessionData = Readonly<Record<string, unknown>>

/** A session as the backend read it. */
export interface LoadedSession {
  /** The key in the store; `undefined` if the cookie holds the data. */
  readonly key: string | undefined
  readonly data: SessionData
  /** The expiry, in milliseconds since 1970, if the cookie holds the data. @default the store decides */
  readonly expiresAt?: number | undefined
}

/** A session to write. */
export interface SessionWrite {
  /** The key in the store; `undefined` if the session is new. */
  readonly key: string | undefined
  /** All data of the session, as this connection sees them. */
  readonly data: SessionData
  /** The changes of this connection since its last read or write; the value `undefined` for a deleted name. */
  readonly changes: ReadonlyMap<string, unknown>
  /** Whether the connection is over TLS: the value of a cookie's `secure: 'auto'`. */
  readonly secure: boolean
}

/** A session that has been written, and its cookie. */
export interface WrittenSession extends LoadedSession {
  readonly cookie: SessionCookie
}

/** The value of a session's cookie, with its attributes. */
export interface SessionCookie {
  readonly value: string
  readonly attributes: CookieAttributes
}

/**
 * The port of `sessionMiddleware`: it stores sessions and maps cookies to them. `storeSessions`, `signedCookieSessions` and
 * `djangoSessions` return one. Its methods reject with a `ServiceUnavailableError` if the store does not answer. A forged, expired or
 * unknown cookie is not an error: it has no session.
 */
export interface SessionBackend {
  /** The name of the cookie. */
  readonly cookieName: string
  /** The attributes that delete the cookie: its path, domain and partition have to be those that set it. */
  readonly cookieScope: Pick<CookieAttributes, 'path' | 'domain' | 'secure' | 'partitioned'>
  /** Whether the cookie holds the data. Then nothing can be saved after the response has begun. */
  readonly dataInCookie: boolean
  /**
   * Returns the session of a cookie, or `undefined`. Logs once if none of the secrets signed the cookie: usually the program that set
   * it has another secret.
   */
  load(cookieValue: string, logger?: Logger): LoadedSession | undefined | Promise<LoadedSession | undefined>
  /** Reads the session again. Resolves with `undefined` if it has ended. */
  reload(key: string): Promise<LoadedSession | undefined>
  /** Writes a session. Rejects with `ERR_SESSION_GONE` if its key has been destroyed. */
  save(session: SessionWrite): Promise<WrittenSession>
  /** Extends the lifetime without writing the data. Resolves with `undefined` if the session has ended. */
  touch(key: string): Promise<SessionCookie | undefined>
  /** Destroys the session. Does nothing if it has ended already. */
  destroy(key: string): Promise<void>
}

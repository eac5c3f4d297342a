import type { Logger } from '../asgi/logger.ts'
import type { CookieAttributes } from './set-cookie.ts'

/** What a session holds: values of JSON by name. */
export type SessionData = Readonly<Record<string, unknown>>

/** A session as it was found. */
export interface LoadedSession {
  /** What names it in its store; `undefined` where the cookie holds the data themselves. */
  readonly key: string | undefined
  readonly data: SessionData
  /** When it ends, in milliseconds since 1970, where the cookie holds the data. @default the store decides */
  readonly expiresAt?: number | undefined
}

/** A session that is to be written. */
export interface SessionWrite {
  /** What names it in its store; `undefined` for one that is new. */
  readonly key: string | undefined
  /** All of its data, as this connection sees them. */
  readonly data: SessionData
  /** What this connection has changed since it read or wrote the session last; `undefined` for what it deleted. */
  readonly changes: ReadonlyMap<string, unknown>
  /** Whether the connection is over TLS: what `secure: 'auto'` of a cookie becomes. */
  readonly secure: boolean
}

/** A session that has been written, and the cookie that says so. */
export interface WrittenSession extends LoadedSession {
  readonly cookie: SessionCookie
}

/** The value of a session's cookie, with its attributes. */
export interface SessionCookie {
  readonly value: string
  readonly attributes: CookieAttributes
}

/**
 * Where sessions live, and how a cookie names one: the port of `sessionMiddleware`. `storeSessions`, `signedCookieSessions` and
 * `djangoSessions` make one. A store that does not answer is a `ServiceUnavailableError`; a cookie that is forged, expired or
 * unknown is no error, it is no session.
 */
export interface SessionBackend {
  /** The name of the cookie. */
  readonly cookieName: string
  /** What deletes the cookie: path, domain and partition have to be those that it was set with. */
  readonly cookieScope: Pick<CookieAttributes, 'path' | 'domain' | 'secure' | 'partitioned'>
  /** Whether each change changes the cookie, so that nothing can be saved once the response has begun. */
  readonly dataInCookie: boolean
  /**
   * The session that the value of a cookie stands for. A cookie that none of the secrets signed is reported to the logger,
   * once: usually the program that set it has another secret.
   */
  load(cookieValue: string, logger?: Logger): LoadedSession | undefined | Promise<LoadedSession | undefined>
  /** Reads the session again. `undefined` when it has ended. */
  reload(key: string): Promise<LoadedSession | undefined>
  /** Writes a session. `ERR_SESSION_GONE` if it has a key that has ended in the meantime. */
  save(session: SessionWrite): Promise<WrittenSession>
  /** Makes it live longer, as a visit does, without writing its data. `undefined` when it has ended. */
  touch(key: string): Promise<SessionCookie | undefined>
  /** Ends it. Nothing happens if it has ended already. */
  destroy(key: string): Promise<void>
}

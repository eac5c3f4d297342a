import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** What is called back when the store is done. */
export type StoreCallback<T = void> = (error?: unknown, value?: T | null) => void

/** A session as express-session's stores keep it: the data, and the attributes of the cookie under `cookie`. */
export interface StoredSession {
  readonly cookie: StoredCookie
  readonly [name: string]: unknown
}

/** The attributes of the cookie as express-session writes them. Stores read from them how long the session lives. */
export interface StoredCookie {
  /** Milliseconds that a session lives without a visit; `null` when its cookie ends with the browser. */
  readonly originalMaxAge: number | null
  readonly expires?: Date | string | null | undefined
  readonly [name: string]: unknown
}

/**
 * What is needed of a session store: the four calls of express-session's, so that its many stores
 * (`connect-redis`, `connect-pg-simple`, …) fit as they are.
 */
export interface SessionStore {
  /** Calls back with the session, or with nothing if there is none. */
  get(id: string, done: (error: unknown, session?: unknown) => void): unknown
  /** Keeps the session, in place of an older one. */
  set(id: string, session: never, done?: (error?: unknown) => void): unknown
  /** Forgets the session. */
  destroy(id: string, done?: (error?: unknown) => void): unknown
  /** Makes it live longer. A store without it is written to in its place. */
  touch?(id: string, session: never, done?: (error?: unknown) => void): unknown
}

/**
 * Calls a store and promises its answer. Whatever goes wrong, an error that is called back, a throw, a rejected promise or
 * silence for `timeoutMs`, is a `ServiceUnavailableError` with the cause; a `TidewayError` stays what it is.
 */
export function callStore<T>(
  timeoutMs: number,
  call: (done: (error?: unknown, value?: T) => void) => unknown,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer)
      // A store of tideway's own says what is wrong, and it need not be that it is down.
      if (cause instanceof TidewayError) return reject(cause)
      reject(
        new ServiceUnavailableError('The session store failed: see the cause, and whether its server is up.', {
          cause,
        }),
      )
    }
    const timer = setTimeout(() => {
      reject(
        new ServiceUnavailableError(
          `The session store did not answer within ${timeoutMs} ms: see whether its server is up, or raise storeTimeoutMs.`,
        ),
      )
    }, timeoutMs)
    try {
      const returned = call((error, value) => {
        if (error !== undefined && error !== null) return fail(error)
        clearTimeout(timer)
        resolve(value ?? undefined)
      })
      // Some stores are async functions that take a callback as well: an early failure may reach the promise only.
      if (returned instanceof Promise) returned.catch(fail)
    } catch (cause) {
      fail(cause)
    }
  })
}

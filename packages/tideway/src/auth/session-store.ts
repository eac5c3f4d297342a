import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** The callback of a store's method. */
export type StoreCallback<T = void> = (error?: unknown, value?: T | null) => void

/** A session in the format of express-session's stores: the data, and the attributes of the cookie as `cookie`. */
export interface StoredSession {
  readonly cookie: StoredCookie
  readonly [name: string]: unknown
}

/** The attributes of the cookie as express-session writes them. Stores read the lifetime of the session from them. */
export interface StoredCookie {
  /** The lifetime of a session without requests, in milliseconds; `null` if its cookie ends with the browser. */
  readonly originalMaxAge: number | null
  readonly expires?: Date | string | null | undefined
  readonly [name: string]: unknown
}

/**
 * The methods of a session store that {@link storeSessions} needs: four of express-session's, so that its stores
 * (`connect-redis`, `connect-pg-simple`, …) work without an adapter.
 */
export interface SessionStore {
  /** Calls back with the session, or with `undefined` or `null` if there is none. */
  get(id: string, done: (error: unknown, session?: unknown) => void): unknown
  /** Stores the session, and replaces an older one of the same id. */
  set(id: string, session: never, done?: (error?: unknown) => void): unknown
  /** Removes the session. */
  destroy(id: string, done?: (error?: unknown) => void): unknown
  /** Extends the lifetime of the session. Without this method, `set` is called. */
  touch?(id: string, session: never, done?: (error?: unknown) => void): unknown
}

/**
 * Calls a store and returns a promise of its answer. Every failure (an error in the callback, a throw, a rejected promise, or no answer
 * within `timeoutMs`) rejects with a `ServiceUnavailableError` and the cause. A `TidewayError` is not wrapped.
 */
export function callStore<T>(
  timeoutMs: number,
  call: (done: (error?: unknown, value?: T) => void) => unknown,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer)
      // A store of tideway rejects with its own error, which need not mean that it is down.
      if (cause instanceof TidewayError) return reject(cause)
      reject(
        new ServiceUnavailableError('The session store failed: see the cause, and check that its server is up.', {
          cause,
        }),
      )
    }
    const timer = setTimeout(() => {
      reject(
        new ServiceUnavailableError(
          `The session store did not answer within ${timeoutMs} ms: check that its server is up, or raise storeTimeoutMs.`,
        ),
      )
    }, timeoutMs)
    try {
      const returned = call((error, value) => {
        if (error !== undefined && error !== null) return fail(error)
        clearTimeout(timer)
        resolve(value ?? undefined)
      })
      // Some stores have async methods with a callback: an early failure may only reject the promise.
      if (returned instanceof Promise) returned.catch(fail)
    } catch (cause) {
      fail(cause)
    }
  })
}

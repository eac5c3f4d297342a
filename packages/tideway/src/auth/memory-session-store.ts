import { requireWholeNumber } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { SessionStore } from './session-store.ts'
import { dateOf } from './store-cookie.ts'

/** The options of {@link MemorySessionStore}. */
export interface MemorySessionStoreOptions {
  /** The largest number of sessions. Above it, the least recently used session is removed. @default 10000 */
  readonly maxSessions?: number
  /** The lifetime of a session whose cookie has no `expires`, in milliseconds. @default 1 day */
  readonly ttlMs?: number
  /** The largest session, in UTF-16 code units of its JSON. @default 65536 */
  readonly maxLength?: number
}

const DEFAULT_MAX_SESSIONS = 10_000
const DEFAULT_TTL_MS = 86_400_000
const DEFAULT_MAX_LENGTH = 65_536

interface Entry {
  readonly json: string
  readonly expiresAt: number
}

/**
 * Sessions in the memory of one process, for development, tests and small sites. They end with the process. The store has no timer:
 * an expired session is removed when it is read or when the store is full. The store does not count sessions per user, so a client
 * that logs in `maxSessions` times evicts the sessions of others: limit logins, or keep sessions in Redis.
 */
export class MemorySessionStore implements SessionStore {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #maxSessions: number
  readonly #ttlMs: number
  readonly #maxLength: number

  constructor(options: MemorySessionStoreOptions = {}) {
    this.#maxSessions = requireWholeNumber('maxSessions', options.maxSessions ?? DEFAULT_MAX_SESSIONS, Infinity)
    this.#ttlMs = requireWholeNumber('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS, Infinity)
    this.#maxLength = requireWholeNumber('maxLength', options.maxLength ?? DEFAULT_MAX_LENGTH, Infinity)
  }

  /** The number of sessions, including expired ones that were not read since. */
  get size(): number {
    return this.#entries.size
  }

  get(id: string, done: (error: unknown, session?: unknown) => void): void {
    const entry = this.#use(id)
    const session: unknown = entry === undefined ? undefined : JSON.parse(entry.json)
    queueMicrotask(() => done(null, session))
  }

  /** Stores the session, and replaces an older one of the same id. */
  set(id: string, session: object, done?: (error?: unknown) => void): void {
    const json = JSON.stringify(session)
    if (json.length > this.#maxLength) {
      const error = new TidewayError(
        'ERR_SESSION_TOO_LARGE',
        `A session of ${json.length} characters is larger than the ${this.#maxLength} that MemorySessionStore allows: store less in it, or raise maxLength.`,
      )
      if (done !== undefined) queueMicrotask(() => done(error))
      return
    }
    this.#entries.delete(id)
    if (this.#entries.size >= this.#maxSessions) this.#evictOldest()
    this.#entries.set(id, { json, expiresAt: this.#expiryOf(session) })
    if (done !== undefined) queueMicrotask(done)
  }

  /** Removes the session. No error if there is none. */
  destroy(id: string, done?: (error?: unknown) => void): void {
    this.#entries.delete(id)
    if (done !== undefined) queueMicrotask(done)
  }

  touch(id: string, session: object, done?: (error?: unknown) => void): void {
    const entry = this.#use(id)
    if (entry === undefined) {
      if (done !== undefined) queueMicrotask(done)
      return
    }
    const kept = JSON.parse(entry.json) as object
    this.set(id, { ...kept, cookie: (session as { cookie?: unknown }).cookie }, done)
  }

  /** Returns the entry if it has not expired, and makes it the most recently used one. */
  #use(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    if (entry.expiresAt <= Date.now()) return undefined
    this.#entries.set(id, entry)
    return entry
  }

  #evictOldest(): void {
    for (const id of this.#entries.keys()) {
      this.#entries.delete(id)
      return
    }
  }

  #expiryOf(session: object): number {
    const expires = dateOf((session as { cookie?: { expires?: unknown } }).cookie?.expires)
    return expires === null ? Date.now() + this.#ttlMs : expires.getTime()
  }
}

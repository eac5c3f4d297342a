import { TidewayError } from '../errors/tideway-error.ts'
import type { SessionStore } from './session-store.ts'
import { dateOf } from './store-cookie.ts'

/** The bounds of a {@link MemorySessionStore}. */
export interface MemorySessionStoreOptions {
  /** How many sessions are kept; beyond it the one that was longest not used goes. @default 10000 */
  readonly maxSessions?: number
  /** How long a session lives that does not say it itself, in milliseconds. @default 1 day */
  readonly ttlMs?: number
  /** How large a session may be, in UTF-16 code units of its JSON. @default 65536 */
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
 * Sessions in the memory of one process: for development, tests and small sites. They end with the process. It starts no
 * timer: an expired session is removed when it is read or when the store is full. It does not know users, so a client that logs in
 * `maxSessions` times pushes out the sessions of others: limit logins, or keep sessions in Redis.
 */
export class MemorySessionStore implements SessionStore {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #maxSessions: number
  readonly #ttlMs: number
  readonly #maxLength: number

  constructor(options: MemorySessionStoreOptions = {}) {
    this.#maxSessions = positive('maxSessions', options.maxSessions ?? DEFAULT_MAX_SESSIONS)
    this.#ttlMs = positive('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS)
    this.#maxLength = positive('maxLength', options.maxLength ?? DEFAULT_MAX_LENGTH)
  }

  /** How many sessions are kept, expired ones included that nobody asked for since. */
  get size(): number {
    return this.#entries.size
  }

  get(id: string, done: (error: unknown, session?: unknown) => void): void {
    const entry = this.#use(id)
    const session: unknown = entry === undefined ? undefined : JSON.parse(entry.json)
    queueMicrotask(() => done(null, session))
  }

  /** Keeps the session, in place of an older one. */
  set(id: string, session: object, done?: (error?: unknown) => void): void {
    const json = JSON.stringify(session)
    if (json.length > this.#maxLength) {
      const error = new TidewayError(
        'ERR_SESSION_TOO_LARGE',
        `A session of ${json.length} characters is larger than the ${this.#maxLength} that MemorySessionStore keeps: keep less in it, or raise maxLength.`,
      )
      if (done !== undefined) queueMicrotask(() => done(error))
      return
    }
    this.#entries.delete(id)
    if (this.#entries.size >= this.#maxSessions) this.#makeRoom()
    this.#entries.set(id, { json, expiresAt: this.#expiryOf(session) })
    if (done !== undefined) queueMicrotask(done)
  }

  /** Forgets the session. No error when there is none. */
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

  /** The entry, unless it has expired; it is now the one used last. */
  #use(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    if (entry.expiresAt <= Date.now()) return undefined
    this.#entries.set(id, entry)
    return entry
  }

  #makeRoom(): void {
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

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} is ${value}: give a whole number above 0.`)
}

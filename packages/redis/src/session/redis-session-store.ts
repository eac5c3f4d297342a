import { callbackify } from 'node:util'

import { requireWholeNumber, TidewayError } from 'tideway/layer/kit'

/** The subset of an ioredis client that the store uses. A client of a Cluster or of Sentinels has it too. */
export interface SessionRedis {
  /** GET. */
  get(key: string): Promise<string | null>
  /** SET with PX. */
  set(key: string, value: string, expiryMode: 'PX', milliseconds: number): Promise<unknown>
  /** SET with PX and XX. */
  set(key: string, value: string, expiryMode: 'PX', milliseconds: number, onlyIfThere: 'XX'): Promise<unknown>
  /** DEL. */
  del(key: string): Promise<unknown>
}

/** The options of a {@link RedisSessionStore}. */
export interface RedisSessionStoreOptions {
  /** The client. The store does not close it. */
  readonly client: SessionRedis
  /** The prefix of the keys. connect-redis has the same default, so that both share sessions. @default 'sess:' */
  readonly prefix?: string
  /** The lifetime of a session whose cookie has no expiry, in milliseconds. @default 86400000 (a day) */
  readonly ttlMs?: number
  /** Maximum size of a session, in UTF-16 code units of its JSON. @default 65536 */
  readonly maxLength?: number
}

type Done<T = undefined> = (error?: unknown, value?: T) => void

const DEFAULT_TTL_MS = 86_400_000
const DEFAULT_MAX_LENGTH = 65_536

/**
 * Sessions in Redis for `storeSessions` of tideway, and through `toExpressStore` for express-session, with the keys and the
 * JSON of connect-redis. Redis removes a session when it expires.
 */
export class RedisSessionStore {
  readonly #client: SessionRedis
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #maxLength: number

  constructor({ client, prefix = 'sess:', ttlMs, maxLength }: RedisSessionStoreOptions) {
    this.#client = client
    this.#prefix = prefix
    this.#ttlMs = requireWholeNumber('ttlMs', ttlMs ?? DEFAULT_TTL_MS, Number.MAX_SAFE_INTEGER)
    this.#maxLength = requireWholeNumber('maxLength', maxLength ?? DEFAULT_MAX_LENGTH, Number.MAX_SAFE_INTEGER)
  }

  /** Calls back with the session, or with nothing if there is none. */
  get(id: string, done: Done<unknown>): void {
    callbackify(() => this.#read(id))(done)
  }

  /** Stores the session until its cookie expires. */
  set(id: string, session: object, done: Done = ignore): void {
    callbackify(() => this.#write(id, session))(done)
  }

  /** Removes the session. */
  destroy(id: string, done: Done = ignore): void {
    callbackify(() => this.#remove(id))(done)
  }

  /** Extends the lifetime of a session. Does not restore a removed session. */
  touch(id: string, session: object, done: Done = ignore): void {
    callbackify(() => this.#touch(id, session))(done)
  }

  async #read(id: string): Promise<unknown> {
    const json = await this.#client.get(this.#prefix + id)
    return json === null ? undefined : (JSON.parse(json) as unknown)
  }

  async #write(id: string, session: object, onlyIfThere = false): Promise<undefined> {
    const json = JSON.stringify(session)
    if (json.length > this.#maxLength) {
      throw new TidewayError(
        'ERR_SESSION_TOO_LARGE',
        `A session of ${json.length} characters is larger than the ${this.#maxLength} that RedisSessionStore allows: store less in it, or raise maxLength.`,
      )
    }
    const lifetimeMs = this.#lifetimeOf(session)
    if (lifetimeMs <= 0) return this.#remove(id)
    if (onlyIfThere) await this.#client.set(this.#prefix + id, json, 'PX', lifetimeMs, 'XX')
    else await this.#client.set(this.#prefix + id, json, 'PX', lifetimeMs)
    return undefined
  }

  async #remove(id: string): Promise<undefined> {
    await this.#client.del(this.#prefix + id)
    return undefined
  }

  /** Writes the expiry into the session too, because the next read uses it. */
  async #touch(id: string, session: object): Promise<undefined> {
    const kept = await this.#read(id)
    if (typeof kept !== 'object' || kept === null) return undefined
    // XX: the session may be destroyed between the read and the write.
    return this.#write(id, { ...kept, cookie: (session as { cookie?: unknown }).cookie }, true)
  }

  #lifetimeOf(session: object): number {
    const expires = (session as { cookie?: { expires?: unknown } }).cookie?.expires
    // A value that is not a date is ignored, as in connect-redis: a cookie without expiry has `false`.
    if (!expires || !(expires instanceof Date || typeof expires === 'string' || typeof expires === 'number')) {
      return this.#ttlMs
    }
    const at = new Date(expires).getTime()
    return Number.isNaN(at) ? this.#ttlMs : Math.ceil(at - Date.now())
  }
}

function ignore(): void {}

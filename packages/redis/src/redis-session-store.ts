import { callbackify } from 'node:util'

import { TidewayError } from 'tideway/layer/kit'

/** What is needed of a Redis client: these three commands of ioredis, whatever else it is (Cluster, Sentinel). */
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
  /** The client, which stays its owner's to close. */
  readonly client: SessionRedis
  /** What the keys begin with; connect-redis has the same default, so that both find the same sessions. @default 'sess:' */
  readonly prefix?: string
  /** How long a session lives that does not say it itself, in milliseconds. @default 86400000 (a day) */
  readonly ttlMs?: number
  /** How large a session may be, in UTF-16 code units of its JSON. @default 65536 */
  readonly maxLength?: number
}

type Done<T = undefined> = (error?: unknown, value?: T) => void

const DEFAULT_TTL_MS = 86_400_000
const DEFAULT_MAX_LENGTH = 65_536

/**
 * Sessions in Redis for `storeSessions` of tideway, and through `toExpressStore` for express-session, with the keys and the
 * JSON of connect-redis. Redis itself ends a session when its time is over.
 */
export class RedisSessionStore {
  readonly #client: SessionRedis
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #maxLength: number

  constructor({ client, prefix = 'sess:', ttlMs, maxLength }: RedisSessionStoreOptions) {
    this.#client = client
    this.#prefix = prefix
    this.#ttlMs = positive('ttlMs', ttlMs ?? DEFAULT_TTL_MS)
    this.#maxLength = positive('maxLength', maxLength ?? DEFAULT_MAX_LENGTH)
  }

  /** Calls back with the session, or with nothing if there is none. */
  get(id: string, done: Done<unknown>): void {
    callbackify(() => this.#read(id))(done)
  }

  /** Keeps the session until its cookie expires. */
  set(id: string, session: object, done: Done = ignore): void {
    callbackify(() => this.#write(id, session))(done)
  }

  /** Forgets the session. */
  destroy(id: string, done: Done = ignore): void {
    callbackify(() => this.#remove(id))(done)
  }

  /** Makes the session live longer; one that is gone stays gone. */
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
        `A session of ${json.length} characters is larger than the ${this.#maxLength} that RedisSessionStore keeps: keep less in it, or raise maxLength.`,
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

  /** The expiry is written into the session too: whoever reads it next takes it from there. */
  async #touch(id: string, session: object): Promise<undefined> {
    const kept = await this.#read(id)
    if (typeof kept !== 'object' || kept === null) return undefined
    // It may be destroyed between the two.
    return this.#write(id, { ...kept, cookie: (session as { cookie?: unknown }).cookie }, true)
  }

  #lifetimeOf(session: object): number {
    const expires = (session as { cookie?: { expires?: unknown } }).cookie?.expires
    // What is no date says nothing about the end, as in connect-redis: `false` is that of a cookie without one.
    if (!expires || !(expires instanceof Date || typeof expires === 'string' || typeof expires === 'number')) {
      return this.#ttlMs
    }
    const at = new Date(expires).getTime()
    return Number.isNaN(at) ? this.#ttlMs : Math.ceil(at - Date.now())
  }
}

function ignore(): void {}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} is ${value}: give a whole number above 0.`)
}

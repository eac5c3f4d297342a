import { TidewayError } from '../errors/tideway-error.ts'
import type { LoadedSession, SessionCookie, SessionData, SessionBackend, WrittenSession } from './session-backend.ts'

/** The state that a {@link Session} shares with the sender of its response. */
export interface SessionResponse {
  /** Whether the connection is over TLS. */
  readonly secure: boolean
  /** Whether the response has begun. After that no cookie can be set. */
  readonly begun: boolean
  /** The cookie to set; `'delete'` removes it. */
  cookie: SessionCookie | 'delete' | undefined
}

const noData: SessionData = Object.freeze({})

/**
 * The session of a client. A new client has an empty session, which causes no call to the store and gets a key at the first save.
 * Values are JSON values. A value that was changed in place has to be set again.
 *
 * Over HTTP a changed session is saved when the response begins. A WebSocket lasts for hours, so its application calls {@link save}.
 * A save writes only the values that this connection changed, and keeps what other connections have written since.
 */
export class Session {
  readonly #sessions: SessionBackend
  readonly #response: SessionResponse
  #key: string | undefined
  #data: SessionData
  /** The expiry of data in a cookie. */
  #expiresAt: number | undefined
  #changes: Map<string, unknown> | undefined
  /** The key before {@link cycleKey}. It is destroyed once the new one is written. */
  #replaced: string | undefined
  /** The running call of the store. The next call waits for it, so that a save and a logout never overlap. */
  #running: Promise<void> | undefined

  constructor(sessions: SessionBackend, loaded: LoadedSession | undefined, response: SessionResponse) {
    this.#sessions = sessions
    this.#response = response
    this.#key = loaded?.key
    this.#data = loaded?.data ?? noData
    this.#expiresAt = loaded?.expiresAt
  }

  /** The key of the session in its store, a secret. `undefined` if it was never saved or if its cookie holds the data. */
  get key(): string | undefined {
    return this.#key
  }

  /** Whether the session has unsaved changes. */
  get modified(): boolean {
    return this.#changes !== undefined
  }

  /** Whether the session has no values. */
  get isEmpty(): boolean {
    for (const _ in this.#data) return false
    return true
  }

  /** Returns the names of the values. */
  keys(): string[] {
    return Object.keys(this.#data)
  }

  /** Whether the session has a value of that name. */
  has(name: string): boolean {
    return Object.hasOwn(this.#data, name)
  }

  /** Returns the value, or `undefined`. It comes from outside the program: check it before use. */
  get(name: string): unknown {
    return Object.hasOwn(this.#data, name) ? this.#data[name] : undefined
  }

  /** Sets a value. Throws `ERR_BAD_SESSION_DATA` if JSON cannot represent it, or if the name is `cookie`, which the store uses. */
  set(name: string, value: unknown): void {
    const copy = jsonCopy(name, value)
    this.#data = withEntry(this.#data, name, copy)
    this.#change(name, copy)
  }

  /** Removes a value. Returns whether there was one. */
  delete(name: string): boolean {
    if (!this.has(name)) return false
    this.#data = withoutEntry(this.#data, name)
    this.#change(name, undefined)
    return true
  }

  /**
   * Writes the changes, if there are any. A new session gets its key, and the response sets its cookie.
   * Rejects with `ERR_OUT_OF_TURN` if the session needs a cookie and the response has begun, with `ERR_SESSION_GONE` if the session was
   * destroyed elsewhere (the person logged out), and with a `ServiceUnavailableError` if the store does not answer. After a rejection
   * the changes are kept, and `save()` can be called again.
   */
  save(): Promise<void> {
    return this.#serialize(() => this.#save())
  }

  async #save(): Promise<void> {
    const changes = this.#changes
    if (changes === undefined) return
    // A session without values that was never saved is not written.
    if (this.#key === undefined && this.#replaced === undefined && this.isEmpty && !this.#sessions.dataInCookie) {
      this.#changes = undefined
      return
    }
    if (this.#response.begun && (this.#key === undefined || this.#sessions.dataInCookie)) {
      throw new TidewayError(
        'ERR_OUT_OF_TURN',
        'The session needs a new cookie, and the response has begun: save the session before you accept the connection or start the response, or change it over HTTP.',
      )
    }
    const key = this.#key
    const replaced = this.#replaced
    this.#changes = undefined
    let written: WrittenSession
    try {
      written = await this.#write(changes)
    } catch (error) {
      this.#changes = new Map([...changes, ...(this.#changes ?? [])])
      throw error
    }
    // cycleKey() was called during the write: the next save replaces what was written.
    if (this.#key !== key) return
    this.#key = written.key
    this.#expiresAt = written.expiresAt
    this.#data = withChanges(written.data, this.#changes)
    this.#response.cookie = written.cookie
    if (replaced !== undefined) {
      await this.#sessions.destroy(replaced)
      this.#replaced = undefined
    }
  }

  #serialize(call: () => Promise<void>): Promise<void> {
    const run = this.#running === undefined ? call() : this.#running.then(call)
    // The caller of a failed call gets its error; the next call runs regardless.
    this.#running = run.catch(() => {})
    return run
  }

  /**
   * Destroys the session immediately, also in its store: its values are lost and its cookie becomes invalid. The response deletes the
   * cookie if it has not begun. A value that is set later starts a new session.
   */
  flush(): Promise<void> {
    return this.#serialize(() => this.#flush())
  }

  async #flush(): Promise<void> {
    for (const key of [this.#key, this.#replaced]) {
      if (key !== undefined) await this.#sessions.destroy(key)
    }
    this.#replaced = undefined
    this.#clear()
    this.#response.cookie = 'delete'
  }

  /**
   * Gives the session a new key and keeps its data, to prevent session fixation. The old key is destroyed when the session is
   * saved.
   */
  cycleKey(): void {
    if (this.#sessions.dataInCookie || this.#key === undefined) return
    this.#replaced ??= this.#key
    this.#key = undefined
    this.#changes = new Map(Object.entries(this.#data))
  }

  /**
   * Reads the session again, with the changes of other connections. Unsaved changes of this connection are kept. A session that has
   * ended becomes empty. Data in a cookie cannot change elsewhere, but they can expire.
   */
  reload(): Promise<void> {
    return this.#serialize(() => this.#reload())
  }

  async #reload(): Promise<void> {
    if (this.#key === undefined) {
      if (this.#expiresAt !== undefined && this.#expiresAt <= Date.now()) this.#clear()
      return
    }
    const loaded = await this.#sessions.reload(this.#key)
    if (loaded === undefined) {
      this.#clear()
      return
    }
    this.#data = withChanges(loaded.data, this.#changes)
  }

  /** Extends the lifetime of the session in its store and in the browser. Does nothing if the session was never saved. */
  touch(): Promise<void> {
    return this.#serialize(() => this.#touch())
  }

  async #touch(): Promise<void> {
    if (this.#sessions.dataInCookie) {
      if (this.isEmpty || this.#response.begun) return
      const { cookie, expiresAt } = await this.#write(new Map())
      this.#response.cookie = cookie
      this.#expiresAt = expiresAt
      return
    }
    if (this.#key === undefined) return
    const cookie = await this.#sessions.touch(this.#key)
    if (cookie !== undefined) this.#response.cookie = cookie
  }

  #clear(): void {
    this.#key = undefined
    this.#expiresAt = undefined
    this.#data = noData
    this.#changes = undefined
  }

  #write(changes: ReadonlyMap<string, unknown>): Promise<WrittenSession> {
    return this.#sessions.save({ key: this.#key, data: this.#data, changes, secure: this.#response.secure })
  }

  #change(name: string, value: unknown): void {
    this.#changes ??= new Map()
    this.#changes.set(name, value)
  }
}

/** The name under which express-session stores the attributes of the cookie, beside the data. */
export const reservedName = 'cookie'

function jsonCopy(name: string, value: unknown): unknown {
  if (name === reservedName || name === '__proto__') {
    throw new TidewayError('ERR_BAD_SESSION_DATA', `A session cannot hold a value named ${name}: choose another name.`)
  }
  const json = stringify(name, value)
  if (json === undefined) {
    throw new TidewayError(
      'ERR_BAD_SESSION_DATA',
      `The session value ${name} is of type ${typeof value}, which JSON cannot represent: set a JSON value, or call delete().`,
    )
  }
  return JSON.parse(json)
}

function stringify(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new TidewayError('ERR_BAD_SESSION_DATA', `The session value ${name} cannot be converted to JSON.`, { cause })
  }
}

function withEntry(data: SessionData, name: string, value: unknown): SessionData {
  return { ...data, [name]: value }
}

function withoutEntry(data: SessionData, name: string): SessionData {
  const { [name]: _, ...rest } = data
  return rest
}

/** Returns the data with the changes applied. */
export function withChanges(data: SessionData, changes: ReadonlyMap<string, unknown> | undefined): SessionData {
  if (changes === undefined) return data
  const merged: Record<string, unknown> = { ...data }
  for (const [name, value] of changes) {
    if (value === undefined) delete merged[name]
    else merged[name] = value
  }
  return merged
}

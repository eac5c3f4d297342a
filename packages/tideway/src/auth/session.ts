import { TidewayError } from '../errors/tideway-error.ts'
import type { LoadedSession, SessionCookie, SessionData, SessionBackend, WrittenSession } from './session-backend.ts'

/** What a {@link Session} and the middleware that sends its cookie share. */
export interface SessionResponse {
  /** Whether the connection is over TLS. */
  readonly secure: boolean
  /** Whether the response has begun, so that no cookie can be set any more. */
  readonly begun: boolean
  /** What is to be set; `'delete'` to take it away. */
  cookie: SessionCookie | 'delete' | undefined
}

const noData: SessionData = Object.freeze({})

/**
 * The session of a visitor. A visitor without one has an empty session that costs no call to the store; it gets a key
 * when something is saved. Values are those of JSON. One that was changed in place has to be set again.
 *
 * Over HTTP a changed session is saved when the response begins. A WebSocket lives for hours, so it says when:
 * {@link save}. What is written is what this connection changed, on top of what others have written since.
 */
export class Session {
  readonly #sessions: SessionBackend
  readonly #response: SessionResponse
  #key: string | undefined
  #data: SessionData
  /** When data in a cookie end. */
  #expiresAt: number | undefined
  #changes: Map<string, unknown> | undefined
  /** The key that the session had before {@link cycleKey}: ended once the new one is written. */
  #replaced: string | undefined
  /** The call of the store that runs now: the next one waits, so that a save and a logout never cross. */
  #turn: Promise<void> | undefined

  constructor(sessions: SessionBackend, loaded: LoadedSession | undefined, response: SessionResponse) {
    this.#sessions = sessions
    this.#response = response
    this.#key = loaded?.key
    this.#data = loaded?.data ?? noData
    this.#expiresAt = loaded?.expiresAt
  }

  /** What names the session in its store: a secret. `undefined` for one that was never saved or whose cookie holds its data. */
  get key(): string | undefined {
    return this.#key
  }

  /** Whether there is something to save. */
  get modified(): boolean {
    return this.#changes !== undefined
  }

  /** Whether it holds nothing. */
  get isEmpty(): boolean {
    for (const _ in this.#data) return false
    return true
  }

  /** The names of its values. */
  keys(): string[] {
    return Object.keys(this.#data)
  }

  /** Whether the session has a value of that name. */
  has(name: string): boolean {
    return Object.hasOwn(this.#data, name)
  }

  /** The value, or `undefined`. It came from outside the program: check it before use. */
  get(name: string): unknown {
    return Object.hasOwn(this.#data, name) ? this.#data[name] : undefined
  }

  /** Sets a value, to be saved. Throws `ERR_BAD_SESSION_DATA` on what JSON cannot hold, and on the name `cookie`, which the store uses. */
  set(name: string, value: unknown): void {
    const copy = jsonCopy(name, value)
    this.#data = withEntry(this.#data, name, copy)
    this.#change(name, copy)
  }

  /** Takes a value away. Returns whether there was one. */
  delete(name: string): boolean {
    if (!this.has(name)) return false
    this.#data = withoutEntry(this.#data, name)
    this.#change(name, undefined)
    return true
  }

  /**
   * Writes the changes, if there are any. A new session gets its key here, and its cookie goes out with the response.
   * Rejects with `ERR_OUT_OF_TURN` when the session needs a cookie and the response has begun, with `ERR_SESSION_GONE` when it was
   * destroyed elsewhere (the person logged out), and with a `ServiceUnavailableError` when the store does not answer; the changes are
   * kept for another try.
   */
  save(): Promise<void> {
    return this.#inTurn(() => this.#save())
  }

  async #save(): Promise<void> {
    const changes = this.#changes
    if (changes === undefined) return
    // A visitor who had nothing and still has nothing needs no session.
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
    // cycleKey() while it was being written: what was written is to be replaced.
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

  #inTurn(call: () => Promise<void>): Promise<void> {
    const run = this.#turn === undefined ? call() : this.#turn.then(call)
    // A failure is its caller's to see, and no reason for the next call to fail.
    this.#turn = run.catch(() => {})
    return run
  }

  /**
   * Ends the session at once, in its store as well: what it held is gone, its cookie is worthless, and the browser is told to
   * drop it if the response has not begun. What is set afterwards starts a new one.
   */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#flush())
  }

  async #flush(): Promise<void> {
    for (const key of [this.#key, this.#replaced]) {
      if (key !== undefined) await this.#sessions.destroy(key)
    }
    this.#replaced = undefined
    this.#forget()
    this.#response.cookie = 'delete'
  }

  /**
   * Gives the session another key and keeps its data, so that a key that someone else knows is worth nothing
   * (session fixation). The old key ends when the session is saved.
   */
  cycleKey(): void {
    if (this.#sessions.dataInCookie || this.#key === undefined) return
    this.#replaced ??= this.#key
    this.#key = undefined
    this.#changes = new Map(Object.entries(this.#data))
  }

  /**
   * Reads the session again, as other connections have left it. What was changed here and not saved stays changed. A session
   * that has ended is empty. Data in a cookie cannot change elsewhere, but they end.
   */
  reload(): Promise<void> {
    return this.#inTurn(() => this.#reload())
  }

  async #reload(): Promise<void> {
    if (this.#key === undefined) {
      if (this.#expiresAt !== undefined && this.#expiresAt <= Date.now()) this.#forget()
      return
    }
    const loaded = await this.#sessions.reload(this.#key)
    if (loaded === undefined) {
      this.#forget()
      return
    }
    this.#data = withChanges(loaded.data, this.#changes)
  }

  /** Makes the session live longer, in its store and in the browser, as a visit does. Nothing happens to one that was never saved. */
  touch(): Promise<void> {
    return this.#inTurn(() => this.#touch())
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

  #forget(): void {
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

/** express-session keeps the attributes of the cookie under this name, beside the data. */
export const reservedName = 'cookie'

function jsonCopy(name: string, value: unknown): unknown {
  if (name === reservedName || name === '__proto__') {
    throw new TidewayError('ERR_BAD_SESSION_DATA', `A session cannot hold a value named ${name}: choose another name.`)
  }
  const json = stringify(name, value)
  if (json === undefined) {
    throw new TidewayError(
      'ERR_BAD_SESSION_DATA',
      `The session value ${name} is ${typeof value}, which JSON cannot hold: set a value of JSON, or call delete().`,
    )
  }
  return JSON.parse(json)
}

function stringify(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new TidewayError('ERR_BAD_SESSION_DATA', `The session value ${name} cannot be written as JSON.`, { cause })
  }
}

function withEntry(data: SessionData, name: string, value: unknown): SessionData {
  return { ...data, [name]: value }
}

function withoutEntry(data: SessionData, name: string): SessionData {
  const { [name]: _, ...rest } = data
  return rest
}

/** The data with what was changed on top. */
export function withChanges(data: SessionData, changes: ReadonlyMap<string, unknown> | undefined): SessionData {
  if (changes === undefined) return data
  const merged: Record<string, unknown> = { ...data }
  for (const [name, value] of changes) {
    if (value === undefined) delete merged[name]
    else merged[name] = value
  }
  return merged
}

import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { findNonJson } from '../errors/json-value.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { Cursor, Follower, Reset } from '../layer/log/cursor.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import type { Followed, FollowOptions } from '../layer/log/follow.ts'
import { formatPosition, type Position } from '../layer/log/position.ts'
import type { PresenceMember } from '../layer/presence/presence.ts'
import { answeredWithin, isAllowed, type Authorization } from './authorization.ts'
import type { EventSchemas } from './event-schemas.ts'
import { framePrefix } from './entry-frame.ts'
import { eventFrame, volatileFrame } from './event-frame.ts'
import type { AskedWho, JoinErrorCode, NotRecovered, ServerFrame } from './frames.ts'
import { presenceOf } from './group-presence.ts'
import { JoinPresence, modeOf } from './join-presence.ts'
import { KeptGroup } from './kept-group.ts'
import type { LiveHooks } from './live-hooks.ts'
import type { AnyGroup, LiveGroup } from './live-settings.ts'
import type { PresenceMode } from './presence-frames.ts'
import { StateGroup } from './state-group.ts'
import { valueFrame, valuesJson } from './value-frame.ts'

/** The connection of a join. */
export interface JoinHost {
  /** Time limit of `authorize()` and `snapshot()`. */
  readonly timeoutMs: number
  readonly hasSnapshot: boolean
  /** How long the person stays present after the end of the connection, if that is a poll. */
  readonly presenceLeaseMs: number | undefined
  /** A send that waits for the client. */
  readonly slow: Promise<void> | undefined
  readonly consumer: Pick<LiveHooks, 'channelLayer' | 'present'>
  authorize(group: LiveGroup): Authorization | PromiseLike<Authorization>
  snapshot(group: LiveGroup): unknown
  follow(group: string, follower: Follower, options: FollowOptions): Promise<Followed>
  sendEvent(event: WebSocketMessageSendEvent): void | Promise<void>
  /** @param values the values of a group, as JSON */
  sendFrame(frame: ServerFrame, values?: string): void | Promise<void>
  /** The client has been sent `joined`. */
  joined(join: Join): void
  /** The client is sent `left` with this code. Calls {@link Join.end}. */
  refuse(join: Join, code: JoinErrorCode, message: string): void
  /** A hook has failed, or the log cannot be read. */
  report(group: LiveGroup, error: unknown): void
}

/** Where a join begins. */
export interface CheckedStart {
  readonly since: Position | undefined
  readonly last: number
  /** What the client asks for of the people. */
  readonly who: AskedWho
}

/** `over`: the join has ended, or never began. */
type JoinState = 'opening' | 'open' | 'over'

/** One group of one client. Its events go from the log to the connection: no mailbox, no queue, no encoding. */
export class Join implements Follower {
  readonly wireName: string
  readonly group: AnyGroup
  /** Whether `onJoin()` was called for it. */
  hasJoined = false
  readonly #host: JoinHost
  readonly #prefix: string
  /** Whether the group has values. */
  readonly #isState: boolean
  #state: JoinState = 'opening'
  /** The number of the newest call of {@link open}: the results of earlier ones are dropped. */
  #attempt = 0
  #cursor: Cursor | undefined
  #presence: JoinPresence | undefined
  #waiting: ((isOpen: boolean) => void)[] | undefined

  constructor(wireName: string, group: AnyGroup, host: JoinHost) {
    this.wireName = wireName
    this.group = group
    this.#host = host
    this.#prefix = framePrefix(wireName)
    this.#isState = group instanceof StateGroup
  }

  /** Joins, or joins again: the earlier join ends at once, also one that is opening. */
  open(start: CheckedStart): void {
    const attempt = ++this.#attempt
    this.#state = 'opening'
    this.#closeCursor()
    this.#presence?.stop()
    this.#open(start, attempt).catch((error: unknown) => this.#fail(error, attempt))
  }

  /** The person of the client in the group; `undefined` if it is not present. */
  get member(): PresenceMember | undefined {
    return this.#presence?.member
  }

  /**
   * Ends the join. The client is sent nothing.
   * @param isFinal whether the person leaves without the grace time
   */
  end(isFinal: boolean): void {
    this.#attempt++
    this.#state = 'over'
    this.#closeCursor()
    this.#presence?.end(isFinal)
    this.#presence = undefined
    this.#settle(false)
  }

  /** Waits while the join opens. Resolves with whether it is open. */
  async whenOpen(): Promise<boolean> {
    if (this.#state !== 'opening') return this.#state === 'open'
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve))
  }

  onEntry(entry: LogEntry): void | Promise<void> {
    const frame = this.#isState ? valueFrame(entry, this.#prefix) : eventFrame(entry, this.#prefix)
    return this.#host.sendEvent(frame)
  }

  onVolatile(body: string): boolean | void {
    if (this.#host.slow !== undefined) return false
    const frame = volatileFrame(this.#prefix, body)
    if (frame === undefined) return false
    void this.#host.sendEvent(frame)
    return undefined
  }

  onReset({ why, position, values }: Reset): void | Promise<void> {
    const frame = { t: 'reset', g: this.wireName, why, at: formatPosition(position) } as const
    if (!this.#hasSnapshot) return this.#host.sendFrame(frame, values && valuesJson(values))
    const attempt = this.#attempt
    return this.#snapshot().then(
      (snapshot) => (attempt === this.#attempt ? this.#host.sendFrame({ ...frame, snapshot }) : undefined),
      (error: unknown) => this.#fail(error, attempt),
    )
  }

  async #open({ since, last, who }: CheckedStart, attempt: number): Promise<void> {
    const host = this.#host
    const authorization = await this.#inTime('authorize()', host.authorize(this.group))
    if (attempt !== this.#attempt) return
    if (!isAllowed(authorization)) {
      host.refuse(this, 'forbidden', `The group ${this.wireName} is not allowed.`)
      return
    }
    const { resume, history, presence }: Exclude<Authorization, boolean> = authorization === true ? {} : authorization
    const most = history === undefined ? Infinity : requireWholeNumber('history of authorize()', history, Infinity, 0)
    const fresh = { last: Math.min(last, most) }
    const continued = resume === false || since === undefined ? undefined : { ...fresh, since }
    let why: NotRecovered | undefined = since !== undefined && continued === undefined ? 'refused' : undefined
    let followed = await this.#follow(continued ?? fresh, attempt)
    if (!this.#isState && followed?.recovered === true && followed.top.offset - followed.position.offset > most) {
      this.#closeCursor()
      why = 'refused'
      followed = await this.#follow(fresh, attempt)
    }
    if (followed === undefined) return
    // The cursor has its position before the snapshot is made, so that no event is missing between them.
    const snapshot = followed.recovered || !this.#hasSnapshot ? undefined : await this.#snapshot()
    const { group } = this
    if (group instanceof KeptGroup && group.presence !== undefined) {
      await this.#openPresence(group, modeOf(presence, who), attempt)
    }
    if (attempt !== this.#attempt) return
    this.#state = 'open'
    const { position, top, recovered, values } = followed
    const at = formatPosition(position)
    const frame = {
      t: 'joined',
      g: this.wireName,
      at,
      top: formatPosition(top),
      recovered,
      why: why ?? followed.why,
      snapshot,
      who: this.#presence?.start(),
    } as const
    void host.sendFrame(frame, values && valuesJson(values))
    host.joined(this)
    this.#settle(true)
    followed.cursor.start()
  }

  /** Returns `undefined` if the join has ended, or a newer call of {@link open} replaces this one. */
  async #follow(
    { since, last }: Pick<FollowOptions, 'since' | 'last'>,
    attempt: number,
  ): Promise<Followed | undefined> {
    // The next poll of a client begins where this one ends, without a read of the log.
    const options = { since, last, isState: this.#isState, lingerMs: this.#host.presenceLeaseMs }
    const followed = await this.#host.follow(this.group.name, this, options)
    if (attempt === this.#attempt) {
      this.#cursor = followed.cursor
      return followed
    }
    followed.cursor.close()
    return undefined
  }

  /** Enters the person, when nothing else can fail. */
  async #openPresence(group: KeptGroup<EventSchemas>, mode: PresenceMode | undefined, attempt: number): Promise<void> {
    const { consumer } = this.#host
    const person = await this.#inTime('present()', consumer.present(group))
    if (attempt !== this.#attempt) return
    const presence = (this.#presence ??= new JoinPresence(
      presenceOf(consumer.channelLayer),
      group,
      this.wireName,
      this.#host,
    ))
    await presence.open(person, mode)
  }

  /** The values of a group are its snapshot. */
  get #hasSnapshot(): boolean {
    return this.#host.hasSnapshot && !this.#isState
  }

  async #snapshot(): Promise<unknown> {
    const snapshot = await this.#inTime('snapshot()', this.#host.snapshot(this.group))
    const problem = findNonJson(snapshot, 'the snapshot')
    if (problem === undefined) return snapshot
    throw new TidewayError('ERR_BAD_MESSAGE', `The answer of snapshot() is refused: ${problem}.`)
  }

  #inTime<Answer>(call: string, answer: Answer | PromiseLike<Answer>): Answer | Promise<Answer> {
    return answeredWithin(call, answer, this.#host.timeoutMs)
  }

  #fail(error: unknown, attempt: number): void {
    if (attempt !== this.#attempt) return
    this.#host.report(this.group, error)
    this.#host.refuse(this, 'unavailable', `The group ${this.wireName} is not available now.`)
  }

  #closeCursor(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  #settle(isOpen: boolean): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) for (const resolve of waiting) resolve(isOpen)
  }
}

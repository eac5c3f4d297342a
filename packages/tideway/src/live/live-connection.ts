import { AsyncResource } from 'node:async_hooks'
import { isEndOfConnection } from '../consumer/consumer-errors.ts'
import { keptGroupsOf } from '../consumer/kept-groups-of.ts'
import type { TextOrBytes } from '../consumer/text-or-bytes.ts'
import type { Logger } from '../asgi/logger.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { TokenBucket } from '../errors/token-bucket.ts'
import type { Follower } from '../layer/log/cursor.ts'
import type { Followed, FollowOptions } from '../layer/log/follow.ts'
import type { KeptGroups } from '../layer/log/kept-groups.ts'
import { BAD_FRAME_CODE, BadFrame, encodeFrame, parseFrame, positionOf } from './frames.ts'
import type { ClientFrame, JoinErrorCode, JoinStart, ServerFrame } from './frames.ts'
import type { Authorization } from './authorization.ts'
import { Join, type JoinHost } from './join.ts'
import { JoinHooks, type JoinHookHost } from './join-hooks.ts'
import type { LiveHooks } from './live-hooks.ts'
import { overHttpOf, type OverHttp } from './http/over-http.ts'
import { groupOf, wireNameOf, type LiveGroup, type LiveSettings } from './live-settings.ts'
import { Memberships, type MembershipHost } from './memberships.ts'
import { Requests, type RequestHost } from './requests.ts'

/** The methods of a consumer that only its class may call. */
export interface LiveSender {
  sendEvent(consumer: LiveHooks, event: WebSocketMessageSendEvent): void | Promise<void>
  stop(consumer: LiveHooks): void
}

/** The live protocol on one connection: its joins, its requests and their limits. */
export class LiveConnection implements JoinHost, JoinHookHost, MembershipHost, RequestHost {
  readonly consumer: LiveHooks
  readonly hasSnapshot: boolean
  readonly #settings: LiveSettings
  readonly #sender: LiveSender
  readonly #logger: Logger
  /** Calls `snapshot()` after a reset in the async context of the connection. */
  readonly #context: AsyncResource | undefined
  /** By name on the wire. */
  readonly #joins = new Map<string, Join>()
  readonly #joinTokens: TokenBucket
  /** With the first request: a connection that only reads has none. */
  #requests: Requests | undefined
  /** With the first join. */
  #hooks: JoinHooks | undefined
  #helloTimer: NodeJS.Timeout | undefined
  /** The end of a drain that began before `hello`. */
  #drainEndsAt: number | undefined
  /** A send that waits for the client. */
  #slow: Promise<void> | undefined
  #isOver = false
  readonly #overHttp: OverHttp | undefined
  /** Over HTTP without joins, whether the client may join a group. */
  #memberships: Memberships | undefined

  constructor(consumer: LiveHooks, settings: LiveSettings, sender: LiveSender, logger: Logger) {
    this.consumer = consumer
    this.hasSnapshot = consumer.snapshot !== undefined
    this.#settings = settings
    this.#sender = sender
    this.#logger = logger
    this.#overHttp = overHttpOf(consumer.scope)
    this.#context = this.hasSnapshot
      ? new AsyncResource('tideway.LiveConsumer', { requireManualDestroy: true })
      : undefined
    this.#joinTokens = new TokenBucket(settings.joinsPerSecond, settings.joinBurst)
    this.#helloTimer = setTimeout(() => this.#violate('no hello'), settings.helloTimeoutMs).unref()
    // Before `hello`: a client may have moved here, and the drain of this process begins at the same time.
    consumer.scope.onDrain?.((withinMs) => this.#onDrain(withinMs))
  }

  get timeoutMs(): number {
    return this.#settings.authorizeTimeoutMs
  }

  get maxRequests(): number {
    return this.#settings.maxRequests
  }

  get repeatTimeoutMs(): number {
    return this.#settings.repeatTimeoutMs
  }

  get requestScope(): string {
    return JSON.stringify([this.#settings.name, this.consumer.scope.user?.id ?? null])
  }

  get keptGroups(): KeptGroups | undefined {
    return this.consumer.channelLayer.keptGroups
  }

  get signal(): AbortSignal {
    return this.consumer.signal
  }

  get presenceLeaseMs(): number | undefined {
    return this.#overHttp?.transport === 'poll' ? this.#overHttp.presenceLeaseMs : undefined
  }

  get slow(): Promise<void> | undefined {
    return this.#slow
  }

  /** Handles a message of the client. Returns a promise while the client reads too slowly. */
  receive({ text }: TextOrBytes): void | Promise<void> {
    if (this.#isOver) return undefined
    try {
      if (text === undefined) throw new BadFrame('a frame must be text')
      const frame = parseFrame(text)
      if (frame !== undefined) this.#handle(frame)
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      this.#violate(error.message)
    }
    return this.#slow
  }

  /** The join of the group; `undefined` if there is none. */
  joinOf(wireName: string): Join | undefined {
    return this.#joins.get(wireName)
  }

  /** Whether the client has joined the group. Waits for a join that is opening. Requests over HTTP have no joins: whether it may join. */
  async hasJoined(group: LiveGroup): Promise<boolean> {
    const wireName = wireNameOf(group)
    if (this.#overHttp?.transport !== 'requests') return (await this.joinOf(wireName)?.whenOpen()) ?? false
    if (groupOf(this.#settings, wireName) === undefined) return false
    return (this.#memberships ??= new Memberships(this)).mayJoin(group)
  }

  sendEvent(event: WebSocketMessageSendEvent): void | Promise<void> {
    try {
      const sent = this.#sender.sendEvent(this.consumer, event)
      if (sent !== undefined) this.#noteSlow(sent)
      return sent
    } catch (error) {
      return this.#sendFailed(error)
    }
  }

  sendFrame(frame: ServerFrame, values?: string): void | Promise<void> {
    return this.sendText(encodeFrame(frame, values))
  }

  sendText(text: string): void | Promise<void> {
    return this.sendEvent({ type: 'websocket.send', text })
  }

  authorize(group: LiveGroup): Authorization | PromiseLike<Authorization> {
    return this.consumer.authorize(group)
  }

  snapshot(group: LiveGroup): unknown {
    return this.#context?.runInAsyncScope(() => this.consumer.snapshot?.(group))
  }

  follow(group: string, follower: Follower, options: FollowOptions): Promise<Followed> {
    return keptGroupsOf(this.consumer.channelLayer).follow(group, follower, options)
  }

  joined(join: Join): void {
    if (join.hasJoined) return
    join.hasJoined = true
    this.#hooks ??= new JoinHooks(this)
    this.#hooks.call(join, 'onJoin')
  }

  refuse(join: Join, code: JoinErrorCode, message: string): void {
    this.#end(join, code === 'forbidden')
    void this.sendFrame({ t: 'left', g: join.wireName, code, message })
  }

  report(subject: LiveGroup | string, error: unknown): void {
    const { name } = this.#settings
    // The layer reports its own failures, once for all connections.
    if (error instanceof TidewayError && error.code === 'ERR_LAYER_UNAVAILABLE') return
    if (this.#isOver && isEndOfConnection(error, this.signal)) return
    const what = typeof subject === 'string' ? `the request "${subject}"` : `a join of a group "${subject.family}"`
    this.#logger.error({ err: error }, `${name} failed in ${what}`)
  }

  stop(): void {
    this.#sender.stop(this.consumer)
  }

  /** Ends all joins. Resolves when the hooks and the request handlers have returned. */
  close(): Promise<void> | undefined {
    this.#endJoins()
    const hooks = [...(this.#hooks?.running ?? [])]
    const isIdle = hooks.length === 0 && this.#requests?.isIdle !== false
    return isIdle ? undefined : Promise.all([this.#requests?.settled(), ...hooks]).then(() => {})
  }

  #handle(frame: ClientFrame): void {
    const isFirst = this.#helloTimer !== undefined
    if ((frame.t === 'hello') !== isFirst) {
      throw new BadFrame(isFirst ? 'the first frame must be hello' : 'hello must be sent once')
    }
    switch (frame.t) {
      case 'hello':
        return this.#greet(frame.groups)
      case 'join':
        return this.#join(frame.g, frame)
      case 'leave':
        return this.#leave(frame.g)
      case 'request':
        return (this.#requests ??= new Requests(this)).receive(frame)
      case 'ping':
        return this.#ping()
    }
  }

  #greet(groups: readonly (JoinStart & { readonly g: string })[]): void {
    clearTimeout(this.#helloTimer)
    this.#helloTimer = undefined
    const { maxGroups, maxRequests } = this.#settings
    void this.sendFrame({ t: 'hi', v: 1, max: { groups: maxGroups, requests: maxRequests } })
    for (const start of groups) this.#join(start.g, start)
    if (this.#drainEndsAt !== undefined) this.#onDrain(Math.max(0, this.#drainEndsAt - performance.now()))
  }

  #ping(): void {
    // A body of requests is answered when all of them have ended.
    const answer = (): void => void this.sendFrame({ t: 'pong' })
    if (this.#overHttp?.transport === 'requests' && this.#requests?.isIdle === false)
      void this.#requests.settled().then(answer)
    else answer()
  }

  #onDrain(withinMs: number): void {
    if (this.#helloTimer !== undefined) this.#drainEndsAt = performance.now() + withinMs
    else void this.sendFrame({ t: 'move', within: Math.round(withinMs) })
  }

  /** Everything that bounds joins is checked here, before a hook or the layer is called. */
  #join(wireName: string, { since, last, who }: JoinStart): void {
    const { maxGroups } = this.#settings
    let join = this.#joins.get(wireName)
    const group = join?.group ?? groupOf(this.#settings, wireName)
    const position = positionOf(since)
    if (group === undefined) return this.#refuseNew(wireName, 'unknown_group', 'There is no such group.')
    join ??= new Join(wireName, group, this)
    if (position === 'malformed') return this.refuse(join, 'bad_position', 'since is not a position.')
    if (!this.#joinTokens.take(1)) return this.refuse(join, 'rate_limited', 'Too many groups are joined at once.')
    if (this.#joins.size >= maxGroups && !this.#joins.has(wireName)) {
      return this.refuse(join, 'too_many_groups', `A connection may join ${maxGroups} groups.`)
    }
    this.#joins.set(wireName, join)
    join.open({ since: position, last, who })
  }

  /** Ends the join of the group, and answers also without one. */
  #leave(wireName: string): void {
    const join = this.#joins.get(wireName)
    if (join !== undefined) this.#end(join, true)
    void this.sendFrame({ t: 'left', g: wireName })
  }

  #refuseNew(wireName: string, code: JoinErrorCode, message: string): void {
    void this.sendFrame({ t: 'left', g: wireName, code, message })
  }

  #end(join: Join, isFinal = false): void {
    join.end(isFinal)
    // A join that is refused before it begins is not in the map.
    if (this.#joins.get(join.wireName) === join) this.#joins.delete(join.wireName)
    if (join.hasJoined) this.#hooks?.call(join, 'onLeave')
  }

  #noteSlow(sent: Promise<void>): void {
    if (sent === this.#slow) return
    this.#slow = sent
    const end = (): void => {
      if (this.#slow === sent) this.#slow = undefined
    }
    sent.then(end, (error: unknown) => {
      end()
      this.#sendFailed(error)
    })
  }

  /** Ends the connection: a client that has missed a frame would wait for it. */
  #sendFailed(error: unknown): void {
    if (this.#isOver) return
    this.#endJoins()
    this.#logger.error({ err: error }, `${this.#settings.name} could not send to its client`)
    this.stop()
  }

  #endJoins(): void {
    this.#isOver = true
    clearTimeout(this.#helloTimer)
    for (const join of this.#joins.values()) this.#end(join)
  }

  /** Closes the connection of a client that violates the protocol. */
  #violate(reason: string): void {
    this.#endJoins()
    void this.consumer.close(BAD_FRAME_CODE, reason)
  }
}

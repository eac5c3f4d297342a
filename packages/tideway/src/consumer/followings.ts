import type { Logger } from '../asgi/logger.ts'
import { connectionClosedError } from '../errors/connection-closed.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { Reset } from '../layer/log/cursor.ts'
import { formatPosition, parsePosition, type LostReason } from '../layer/log/position.ts'
import { malformedEvent, unhandledType } from './consumer-errors.ts'
import { valuesOf, type FollowedEvent } from './followed-event.ts'
import { eventCalls, type Handler } from './handler-calls.ts'
import { Following, type FollowingConsumer } from './following.ts'
import type { MailboxTask } from './mailbox-task.ts'
import { keptGroupsOf } from './kept-groups-of.ts'
import type { RunOptions } from './run-options.ts'
import type { Recipient } from './static-handler.ts'

/** What a consumer needs to follow kept groups. */
export interface Follows {
  /**
   * The log does not continue the position of the consumer: it has missed events, for the reason `why`. The next event is the
   * one after `position`. The newest events come again if `follow()` asked for `last` of them. A group with values passes all of
   * them.
   */
  onReset(group: string, why: LostReason, position: string, values?: ReadonlyMap<string, unknown>): void | Promise<void>
}

/** Options of `follow()`. */
export interface FollowOptions {
  /** The position up to which the client has received everything, as `epoch:offset`. @default none: begins with the newest events */
  readonly since?: string | undefined
  /** How many of the newest events come first, without `since` or if the log does not continue it: at most 10,000. @default 0 */
  readonly last?: number | undefined
  /** Whether the group has values, as those of `defineGroup(name, { state })`. @default false: it has events */
  readonly isState?: boolean | undefined
}

/** The answer of `follow()`. */
export interface FollowAnswer {
  /** Whether the events continue `since` without a hole. */
  readonly recovered: boolean
  /** Why not; `undefined` without `since`. */
  readonly why?: LostReason | undefined
  /** The next event is the one after this position. */
  readonly position: string
  /** The newest position of the group. */
  readonly top: string
  /** Only of a group with values, and only if the changes do not continue `since`: the value of each key at `position`. */
  readonly values?: ReadonlyMap<string, unknown> | undefined
}

/** The run of the consumer that follows. */
export interface FollowingRun extends Recipient {
  readonly channelLayer: ChannelLayer
  /** Passes the task to the mailbox, in the async context of the connection. */
  enterTask(task: MailboxTask): void
  /** Sends what a static handler has answered for an earlier recipient, if nothing is before it. Returns `false` otherwise. */
  trySend(handler: Handler, handled: object): boolean
}

/** The kept groups that one consumer follows. */
export class Followings implements FollowingConsumer {
  readonly #run: FollowingRun
  readonly #options: RunOptions<never>
  readonly #logger: Logger
  /** By group, the newest following, which may still be opening. */
  readonly #newest = new Map<string, Following>()
  #isClosed = false

  constructor(run: FollowingRun, options: RunOptions<never>, logger: Logger) {
    this.#run = run
    this.#options = options
    this.#logger = logger
  }

  /** @throws TidewayError see `Consumer.follow` */
  async follow(group: string, { since, last, isState = false }: FollowOptions): Promise<FollowAnswer> {
    if (this.#isClosed) throw connectionClosedError()
    const groups = keptGroupsOf(this.#run.channelLayer)
    if (typeof (this.#run.consumer as Partial<Follows>).onReset !== 'function') throw noReset(this.#options.name)
    const position = since === undefined ? undefined : parsePosition(since)
    const current = this.#newest.get(group)
    const following = new Following(group, this, isState, current?.isOpen === false ? current.replaced : current)
    this.#newest.set(group, following)
    try {
      const options = { since: position, last, isState }
      const { cursor, recovered, why, values, ...followed } = await groups.follow(group, following, options)
      if (this.#newest.get(group) === following) following.open(cursor)
      else cursor.close()
      if (this.#isClosed) throw connectionClosedError()
      return {
        recovered,
        ...(why !== undefined && { why }),
        position: formatPosition(followed.position),
        top: formatPosition(followed.top),
        ...(values !== undefined && { values: valuesOf(values, group) }),
      }
    } catch (error) {
      this.#giveUp(following)
      throw error
    }
  }

  unfollow(group: string): void {
    this.#newest.get(group)?.close()
    this.#newest.delete(group)
  }

  /** Ends following, also for calls of {@link follow} that wait. */
  close(): void {
    this.#isClosed = true
    for (const following of this.#newest.values()) following.close()
    this.#newest.clear()
  }

  enter(following: Following): void {
    this.#run.enterTask(following)
  }

  trySend(event: FollowedEvent): boolean {
    const handler = this.#options.handlers.ofEvents.find(event.type, this.#run.consumer)
    return handler !== undefined && this.#run.trySend(handler, event)
  }

  /** Warns once per type and class if the class has no handler. */
  handleEvent(event: FollowedEvent): void | PromiseLike<void> {
    const { ofEvents } = this.#options.handlers
    const { consumer } = this.#run
    const { type, at } = event
    const handler = ofEvents.find(type, consumer)
    if (handler !== undefined) return handler.handle(this.#run, event)
    if (ofEvents.isFirstReport(type)) {
      this.#logger.warn({ type, group: at.group }, unhandledType(this.#options, eventCalls, type, consumer))
    }
    return undefined
  }

  handleReset(group: string, { why, position, values }: Reset): void | PromiseLike<void> {
    const follower = this.#run.consumer as Follows
    if (values === undefined) return follower.onReset(group, why, formatPosition(position))
    return follower.onReset(group, why, formatPosition(position), valuesOf(values, group))
  }

  reportMalformed(group: string): void {
    // No event has an empty name.
    if (!this.#options.handlers.ofEvents.isFirstReport('')) return
    this.#logger.warn({ group }, malformedEvent(this.#options))
  }

  /** The group stays followed as before, if the call was the newest one. */
  #giveUp(following: Following): void {
    const { group, replaced } = following
    if (this.#newest.get(group) !== following) return
    if (replaced === undefined) this.#newest.delete(group)
    else this.#newest.set(group, replaced)
  }
}

function noReset(name: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_OPTION',
    `${name} follows a group and has no onReset(group, why): add it, to handle missed events.`,
  )
}

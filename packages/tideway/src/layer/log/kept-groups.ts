import { requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { layerClosed, MessageTooLargeError } from '../errors.ts'
import { requireGroupName } from '../names.ts'
import type { Claim } from './answer-store.ts'
import { isPresenceLog, presenceLogOf } from '../presence/presence-entry.ts'
import { resolvePresenceOptions } from '../presence/presence-options.ts'
import { Presence } from '../presence/presence.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Follower } from './cursor.ts'
import { observePublish, warnOfTracing } from './event-tracing.ts'
import { ProcessSurvey } from './process-survey.ts'
import type { Appended, EventLog, ReadResult, SetResult, StateRead } from './event-log.ts'
import {
  ANSWER_TTL_MS,
  CLAIM_TTL_MS,
  HEAD_TTL_MS,
  historyDefaults,
  MAX_HISTORY_SIZE,
  resolveKeptGroupsOptions,
  type History,
  type HistoryOptions,
  type Keep,
  type KeptGroupsOptions,
  type PublishOptions,
  type ResolvedKeptGroupsOptions,
  type SetValueOptions,
} from './kept-groups-options.ts'
import type { Followed, FollowOptions } from './follow.ts'
import { warningListener, type KeptGroupsListener } from './kept-groups-listener.ts'
import { LogTail } from './log-tail.ts'
import { followedGroup, type FollowedGroup } from './followed-group.ts'
import { LogTimes, newLogCounters, statsOf, type KeptGroupsStats } from './log-stats.ts'
import { requirePosition } from './position.ts'
import { ReadLimiter } from './read-limiter.ts'
import { ReportLimit } from './report-limit.ts'
import { RingBudget } from './ring-budget.ts'
import { appendOptions } from './append-options.ts'
import { changeToSet, groupFull, requireKeep } from './set-value.ts'
import { StateTail } from './state-tail.ts'
import type { Tail, TailContext } from './tail.ts'

/**
 * The kept groups of one layer in this process: checks names and sizes, and follows each group once for all its followers here.
 */
export class KeptGroups {
  /** Who is in the groups. `undefined` if the log of the layer has no presence. */
  readonly presence: Presence | undefined
  /** Asks other processes for their figures and groups. `undefined` if the log of the layer cannot. */
  readonly survey: ProcessSurvey | undefined
  readonly #log: EventLog
  readonly #options: ResolvedKeptGroupsOptions
  readonly #tails = new Map<string, Tail>()
  /** Cancels the end of tails without followers. */
  readonly #lingering = new Map<Tail, () => void>()
  readonly #counters = newLogCounters()
  readonly #times = new LogTimes()
  readonly #context: TailContext
  readonly #removeGapListener: () => void
  readonly #rings: RingBudget
  #cancelSweep: (() => void) | undefined
  #isClosed = false

  /** @throws TidewayError `ERR_BAD_OPTION` for an option that is not a whole number over 0 */
  constructor(
    log: EventLog,
    options: KeptGroupsOptions = {},
    listener: Partial<KeptGroupsListener> = {},
    clock: Clock = systemClock,
  ) {
    this.#log = log
    this.survey = log.survey && new ProcessSurvey(log.survey, () => this.followed())
    this.#options = resolveKeptGroupsOptions(options)
    const { ringEntries, ringBytes, replayEntries, replayBytes, readsAtOnce } = this.#options
    this.#rings = new RingBudget(this.#options.totalRingBytes)
    const { readFailed, followerFailed } = { ...warningListener, ...listener }
    const failures = new ReportLimit()
    const failed = (group: string, error: unknown): void => {
      if (failures.allows(group, clock.now())) readFailed(group, error)
    }
    this.#context = {
      log,
      clock,
      reads: new ReadLimiter(readsAtOnce, clock, this.#times.read),
      limits: { ringEntries, ringBytes, replayEntries, replayBytes, headTtlMs: HEAD_TTL_MS },
      counters: this.#counters,
      times: this.#times,
      tracing: options.tracing,
      ringChanged: (tail, bytes) => this.#rings.change(tail, bytes),
      emptied: (tail) => this.#emptied(tail),
      repairFailed: failed,
      followerFailed,
      tracingFailed: (error) => void (failures.allows('tracing', clock.now()) && warnOfTracing(error)),
    }
    this.#removeGapListener = log.onGap(() => {
      for (const tail of this.#tails.values()) tail.onGap()
      this.presence?.onGap()
    })
    this.presence =
      log.presence &&
      new Presence(log.presence, resolvePresenceOptions(options.presence), {
        clock,
        follow: (group, follower, since) => this.#tailOf(presenceLogOf(group), false).follow(follower, { since }),
        require: (group) => this.#require(group, ''),
        failed,
      })
  }

  /**
   * Appends an event to the log of the group, and sends it to all followers. Resolves when the event is in the log, and never
   * waits for a follower. After a rejection the outcome is unknown, unless the error is one of these two.
   * @param body the event as JSON
   * @throws MessageTooLargeError over `maxEventBytes`
   * @throws TidewayError `ERR_BAD_OPTION` for an `id` or a history out of its range; `ERR_BAD_NAME`
   */
  async publish(group: string, body: string, history: History = {}, options: PublishOptions = {}): Promise<Appended> {
    this.#require(group, body)
    const appended = await observePublish(this.#context, group, body, (traced) =>
      this.#log.append(group, traced, appendOptions(history, options)),
    )
    if (appended.duplicate) this.#counters.duplicates++
    else this.#counters.published++
    return appended
  }

  /** Sends a volatile event to the followers of the group, at most once. @throws as {@link publish} */
  async publishVolatile(group: string, body: string): Promise<void> {
    this.#require(group, body)
    await observePublish(this.#context, group, body, (traced) => this.#log.send(group, traced))
  }

  /** Reads the newest events of the group. @throws TidewayError `ERR_LAYER_UNAVAILABLE` if they cannot be read */
  async history(group: string, { last = historyDefaults.size }: HistoryOptions = {}): Promise<ReadResult> {
    this.#require(group, '')
    requireWholeNumber('last', last, MAX_HISTORY_SIZE, 0)
    const { replayEntries, replayBytes } = this.#options
    const limits = { maxEntries: replayEntries, maxBytes: replayBytes, headTtlMs: HEAD_TTL_MS }
    return this.#context.reads.run(() => this.#log.read(group, { last, ...limits }))
  }

  /**
   * Sets the value of a key, or deletes it, and sends the change to all followers. Resolves when the log has the change, and never
   * waits for a follower.
   * @param valueJson the value as JSON; `undefined` deletes the key
   * @throws MessageTooLargeError over `maxEventBytes`
   * @throws TidewayError `ERR_GROUP_FULL` over a bound of `keep`; `ERR_BAD_OPTION` for a key or an option out of its range;
   *   `ERR_BAD_POSITION` for `ifVersion`; `ERR_BAD_NAME`; `ERR_LAYER_UNAVAILABLE`
   */
  async set(
    group: string,
    key: string,
    valueJson: string | undefined,
    options: SetValueOptions = {},
    keep: Keep = {},
  ): Promise<SetResult> {
    const { body, ...change } = changeToSet(key, valueJson, options, keep)
    this.#require(group, body)
    const result = await observePublish(this.#context, group, body, () => this.#log.set(group, key, body, change))
    if (result.status === 'full') throw groupFull(group, change)
    if (result.status === 'changed') this.#counters.published++
    return result
  }

  /** Reads the values of the group. @throws TidewayError `ERR_LAYER_UNAVAILABLE` if they cannot be read */
  async values(group: string, keep: Keep = {}): Promise<StateRead> {
    this.#require(group, '')
    const { ttlMs: headTtlMs } = requireKeep(keep)
    return this.#context.reads.run(() => this.#log.values(group, { headTtlMs }))
  }

  /**
   * Follows the group from a position, or from its newest entries. The follower is called after `start()` of the returned cursor,
   * until `close()`. With `isState`, the follower of a group with values begins with the values.
   * @throws TidewayError `ERR_BAD_OPTION` if the group is followed with another `isState`, `ERR_BAD_POSITION`, `ERR_BAD_NAME`; `ERR_LAYER_UNAVAILABLE` if the log cannot be read
   */
  async follow(group: string, follower: Follower, options: FollowOptions = {}): Promise<Followed> {
    this.#require(group, '')
    const { since, last = 0, isState = false } = options
    if (since !== undefined) requirePosition(since)
    requireWholeNumber('last', last, MAX_HISTORY_SIZE, 0)
    return this.#tailOf(group, isState).follow(follower, options)
  }

  /**
   * Claims a request, or extends the claim of the owner, so that it is handled once by all processes.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown
   */
  claim(key: string, owner: string): Claim | Promise<Claim> {
    this.#requireOpen()
    return this.#log.answers.claim(key, owner, CLAIM_TTL_MS)
  }

  /** Ends the claim of the owner. @throws as {@link claim} */
  release(key: string, owner: string): void | Promise<void> {
    this.#requireOpen()
    const claim = this.#log.answers.claim(key, owner, 1)
    return claim instanceof Promise ? claim.then(() => {}) : undefined
  }

  /**
   * Keeps the answer to a request for 5 minutes, in place of its claim.
   * @throws MessageTooLargeError over `maxEventBytes`
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown
   */
  answer(key: string, answer: string): void | Promise<void> {
    this.#requireOpen()
    this.#requireSize(answer)
    return this.#log.answers.answer(key, answer, ANSWER_TTL_MS)
  }

  /** The groups that this process follows, in the order of their first follower. */
  followed(): readonly FollowedGroup[] {
    return [...this.#tails.values()].filter(({ group }) => !isPresenceLog(group)).map(followedGroup)
  }

  /** The statistics of this process. */
  stats(): KeptGroupsStats {
    return statsOf(this.#counters, this.#times, [...this.#tails.values()], this.#rings.bytes, this.presence?.stats())
  }

  /**
   * Ends all followers. Later calls throw `ERR_LAYER_CLOSED`. The log stays open: its layer closes it, when the promise has resolved.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelSweep?.()
    this.#removeGapListener()
    for (const cancel of this.#lingering.values()) cancel()
    this.#lingering.clear()
    for (const tail of this.#tails.values()) tail.close()
    this.#tails.clear()
    await this.presence?.close()
  }

  #tailOf(group: string, isState: boolean): Tail {
    let tail = this.#tails.get(group)
    if (tail !== undefined && !tail.isClosed && tail.isState !== isState) {
      throw new TidewayError(
        'ERR_BAD_OPTION',
        `The group "${group}" is followed with values and without: it has either.`,
      )
    }
    if (tail === undefined || tail.isClosed) {
      tail = isState ? new StateTail(group, this.#context) : new LogTail(group, this.#context)
      this.#tails.set(group, tail)
      this.#cancelSweep ??= this.#context.clock.after(this.#options.sweepIntervalMs, this.#sweep)
    }
    this.#lingering.get(tail)?.()
    this.#lingering.delete(tail)
    return tail
  }

  #emptied(tail: Tail): void {
    if (this.#isClosed || this.#lingering.has(tail)) return
    const end = (): void => {
      this.#lingering.delete(tail)
      if (!tail.isIdle) return
      // A newer tail may have its place.
      if (this.#tails.get(tail.group) === tail) this.#tails.delete(tail.group)
      tail.close()
      this.#rings.remove(tail)
    }
    const lingerMs = Math.max(this.#options.lingerMs, tail.lingerMs)
    if (tail.isClosed) end()
    else this.#lingering.set(tail, this.#context.clock.after(lingerMs, end))
  }

  readonly #sweep = (): void => {
    void this.#sweepAll().finally(() => {
      const isOver = this.#tails.size === 0 || this.#isClosed
      this.#cancelSweep = isOver ? undefined : this.#context.clock.after(this.#options.sweepIntervalMs, this.#sweep)
    })
  }

  async #sweepAll(): Promise<void> {
    for (const tail of this.#tails.values()) {
      try {
        if (await tail.sweep()) this.#counters.sweepFindings++
      } catch {
        // The log cannot be read: its onGap() comes when it can be read again.
      }
    }
  }

  #require(group: string, body: string): void {
    this.#requireOpen()
    requireGroupName(group)
    this.#requireSize(body)
  }

  #requireOpen(): void {
    if (this.#isClosed) throw layerClosed()
  }

  #requireSize(body: string): void {
    const { maxEventBytes } = this.#options
    if (Buffer.byteLength(body) > maxEventBytes) throw new MessageTooLargeError(maxEventBytes)
  }
}

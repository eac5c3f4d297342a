import { backoffMs } from '../../errors/backoff.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { Clock } from './clock.ts'
import { Cursor, type CursorSource, type Follower } from './cursor.ts'
import { deliverTraced, type EventTracing } from './event-tracing.ts'
import type { EventLog, LogEntry, LogSink, ReadResult } from './event-log.ts'
import type { Followed, FollowOptions } from './follow.ts'
import { headOf, positionOf } from './held-log.ts'
import type { LogCounters, LogTimes } from './log-stats.ts'
import type { LogHead, LostReason, Position } from './position.ts'
import type { ReadLimiter } from './read-limiter.ts'

/** The bounds of one tail. */
export interface TailLimits {
  readonly ringEntries: number
  readonly ringBytes: number
  readonly replayEntries: number
  readonly replayBytes: number
  readonly headTtlMs: number
}

/** What a tail shares with the other tails of its layer. */
export interface TailContext {
  readonly log: EventLog
  readonly clock: Clock
  readonly reads: ReadLimiter
  readonly limits: TailLimits
  readonly counters: LogCounters
  readonly times: LogTimes
  readonly tracing: EventTracing | undefined
  /** The ring of the tail has grown by these bytes, or shrunk. */
  ringChanged(tail: Tail, bytes: number): void
  /** The tail has no cursor left. */
  emptied(tail: Tail): void
  /** The log cannot be read. The tail tries again. */
  repairFailed(group: string, error: unknown): void
  followerFailed(group: string, error: unknown): void
  tracingFailed(error: unknown): void
}

/** What a tail holds of its log. `Read` is the result of its reads. */
export interface Held<Read extends ReadResult> {
  /** The newest position. A newer one is another object. */
  readonly top: Position
  /** The newest position that the process or one of its followers has received. */
  readonly newest: Position
  /** The bytes of what is held. */
  readonly bytes: number
  at(offset: number): LogEntry | undefined
  /** Adds the entry after the newest one. */
  push(entry: LogEntry): void
  /** Drops the oldest held entry. Returns `false` if there is none to drop. */
  dropOldest(): boolean
  clear(): void
  /** Drops the newest entries that are not in the log. */
  cut(head: LogHead): void
  /** Takes the result of a read of a log that contains what is held. Returns the number of new entries. */
  merge(result: Read): number
}

/** How a follower begins. */
export interface Start extends Pick<Followed, 'why' | 'values'> {
  readonly status: ReadResult['status']
  /** What comes next is the entry after it. */
  readonly position: Position
  /** Entries after it that the tail does not hold. */
  readonly entries?: readonly LogEntry[] | undefined
  readonly top: Position
}

const REPAIR_JITTER_MS = 100
export const RETRY = { firstMs: 200, mostMs: 5000 }
const SWEEP_GRACE_MS = 1000

/** `opening`: the first read is under way. `stale`: entries may be missing, and what arrives waits until they are read. */
type TailState = 'opening' | 'live' | 'stale' | 'closed'

/**
 * The end of the log of one group in this process, for all its followers here. It merges what it reads with what arrives, reads
 * missing entries once for all followers, and resets exactly the followers whose entries the log has lost.
 */
export abstract class Tail<Read extends ReadResult = ReadResult> implements LogSink, CursorSource {
  readonly group: string
  protected readonly context: TailContext
  protected abstract readonly held: Held<Read>
  readonly #cursors = new Set<Cursor>()
  #state: TailState = 'opening'
  #opened: Promise<void> | undefined
  /** What has arrived during a read for all followers: as many entries as the ring holds. */
  #arrived: LogEntry[] = []
  /** Whether more has arrived than `#arrived` holds. */
  #hasOverflown = false
  #isRepairing = false
  #needsRepair = false
  /** The calls of {@link onGap}. */
  protected gaps = 0
  /** How long the group is followed after its last follower, at least. */
  lingerMs = 0
  /** The calls of `follow()` that wait. */
  #joining = 0
  /** Failed reads in a row. */
  #failures = 0
  #cancelTimer: (() => void) | undefined
  /** Waits for the end of a read for all followers. */
  #waiting: (() => void)[] = []

  constructor(group: string, context: TailContext) {
    this.group = group
    this.context = context
  }

  /** Decides where a follower begins, and reads what it needs. Called after the tail has opened. */
  protected abstract startOf(options: FollowOptions): Start | Promise<Start>
  /** Reads the end of the log, or what follows the position. */
  protected abstract readEnd(since?: Position): Promise<Read>
  abstract catchUp(cursor: Cursor): void
  /** Why a position was lost in the log; `true` if it was not. */
  protected abstract lossOf(head: LogHead, position: Position): true | LostReason
  /** Continues after the newest position of the log. `result` is the read that the tail has merged. */
  protected abstract resetWith(cursor: Cursor, why: LostReason, result: Read): void

  get counters(): LogCounters {
    return this.context.counters
  }

  /** Whether the group has values. */
  abstract readonly isState: boolean

  get top(): Position {
    return this.held.top
  }

  get cursors(): ReadonlySet<Cursor> {
    return this.#cursors
  }

  /** Whether nothing follows the group, and nothing is about to. */
  get isIdle(): boolean {
    return this.#cursors.size === 0 && this.#joining === 0
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  entryAt(offset: number): LogEntry | undefined {
    return this.held.at(offset)
  }

  /** @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the log cannot be read */
  async follow(follower: Follower, options: FollowOptions): Promise<Followed> {
    this.#joining++
    try {
      return await this.#follow(follower, options)
    } finally {
      this.#joining--
      if (this.isIdle) this.context.emptied(this)
    }
  }

  async #follow(follower: Follower, options: FollowOptions): Promise<Followed> {
    if (this.#opened === undefined) {
      this.#opened = this.#open()
      // A follower that waits for it gets the error.
      this.#opened.catch(() => {})
    }
    await this.#opened
    this.requireOpen()
    const { last = 0, lingerMs = 0 } = options
    if (lingerMs > this.lingerMs) this.lingerMs = lingerMs
    const start = this.startOf(options)
    return this.#add(follower, start instanceof Promise ? await start : start, last)
  }

  remove(cursor: Cursor): void {
    if (this.#cursors.delete(cursor) && this.isIdle) this.context.emptied(this)
  }

  followerFailed(error: unknown): void {
    this.context.followerFailed(this.group, error)
  }

  onEntry(entry: LogEntry): void {
    if (this.#state === 'closed') return
    if (this.#state !== 'live') {
      this.#hold(entry)
      return
    }
    const { epoch, offset } = this.top
    if (entry.epoch === epoch) {
      if (entry.offset <= offset) return
      if (entry.offset === offset + 1) {
        this.change(() => this.held.push(entry))
        if (this.context.tracing?.deliver === undefined) for (const cursor of this.#cursors) cursor.push(entry)
        else this.#deliverTraced(entry.body, (cursor) => cursor.push(entry))
        return
      }
    }
    // After a change of epoch the offset may look right although the entry before it is another one.
    this.#hold(entry)
    this.repair()
  }

  onVolatile(body: string, isForeign = false): void {
    if (isForeign) this.counters.foreign++
    if (this.context.tracing?.deliver === undefined)
      for (const cursor of this.#cursors) this.#pushVolatile(cursor, body)
    else this.#deliverTraced(body, (cursor) => this.#pushVolatile(cursor, body))
  }

  /** Reads what may be missing after a gap, some time soon: after a reconnect, every process reads every group. */
  onGap(): void {
    this.gaps++
    if (this.#state === 'closed' || this.#state === 'opening') {
      this.#needsRepair = true
      return
    }
    this.#state = 'stale'
    this.#needsRepair = true
    if (this.#isRepairing || this.#cancelTimer !== undefined) return
    this.#repairAfter(this.context.clock.random() * REPAIR_JITTER_MS)
  }

  /**
   * Compares the tail with its log, and reads what is missing. Resolves with whether entries were missing that no other check
   * had found.
   */
  async sweep(): Promise<boolean> {
    if (this.#state !== 'live') return false
    const before = this.top
    const { top } = await this.context.reads.run(() => this.readEnd(before))
    if (top.epoch === before.epoch && top.offset === before.offset) return false
    // An entry may be in the log and on its way.
    await new Promise<void>((resolve) => void this.context.clock.after(SWEEP_GRACE_MS, resolve))
    if (this.#state !== 'live' || this.top !== before) return false
    this.repair()
    return true
  }

  /** Drops the oldest entry that the process holds. Returns `false` if it holds none. */
  dropOldest(): boolean {
    return this.change(() => this.held.dropOldest())
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#cancelTimer?.()
    this.context.log.unwatch(this.group)
    this.change(() => this.held.clear())
    this.#arrived = []
    for (const cursor of this.#cursors) cursor.close()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #pushVolatile(cursor: Cursor, body: string): void {
    if (!cursor.pushVolatile(body)) this.context.counters.volatileDropped++
  }

  #deliverTraced(body: string, push: (cursor: Cursor) => void): void {
    const { tracing, tracingFailed } = this.context
    const run = (): void => {
      for (const cursor of this.#cursors) push(cursor)
    }
    deliverTraced((...call) => tracing!.deliver!(...call), this.group, body, this.#cursors.size, run, tracingFailed)
  }

  async #open(): Promise<void> {
    try {
      await this.context.log.watch(this.group, this)
      const result = await this.#readAll()
      if (this.isClosed) return
      this.#merge(result)
      this.#goOn()
    } catch (error) {
      this.close()
      throw error
    }
  }

  #hold(entry: LogEntry): void {
    if (this.#arrived.length < this.context.limits.ringEntries) this.#arrived.push(entry)
    else this.#hasOverflown = true
  }

  /** Takes what has arrived during a read, and reads again if that leaves a hole. */
  #goOn(): void {
    this.#state = 'live'
    const arrived = this.#arrived
    const needsRepair = this.#needsRepair || this.#hasOverflown
    this.#arrived = []
    this.#needsRepair = this.#hasOverflown = false
    for (const entry of arrived) this.onEntry(entry)
    if (needsRepair) this.repair()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Reads what is missing, if a read has found that something is. */
  protected repairIfNeeded(isNeeded: boolean = this.#needsRepair): void {
    this.#needsRepair = isNeeded
    if (isNeeded && this.#state === 'live') this.repair()
  }

  /** Resolves after the next read for all followers, also if it fails. */
  protected caughtUp(): Promise<void> {
    this.repair()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Reads what is missing, for all followers. */
  protected repair(): void {
    this.#state = 'stale'
    if (this.#isRepairing) {
      this.#needsRepair = true
      return
    }
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    void this.#runRepair()
  }

  #repairAfter(ms: number): void {
    this.#cancelTimer = this.context.clock.after(ms, () => {
      this.#cancelTimer = undefined
      if (this.#state === 'stale') this.repair()
    })
  }

  async #runRepair(): Promise<void> {
    const { counters, repairFailed } = this.context
    this.#isRepairing = true
    const { newest } = this.held
    try {
      const result = await this.#readAll(this.top)
      this.#isRepairing = false
      if (this.isClosed) return
      counters.repairs++
      this.#failures = 0
      this.fold(result, newest)
      this.#goOn()
    } catch (error) {
      this.#isRepairing = false
      if (this.isClosed) return
      repairFailed(this.group, error)
      for (const resolve of this.#waiting.splice(0)) resolve()
      this.#repairAfter(backoffMs(++this.#failures, RETRY, this.context.clock.random))
    }
  }

  /** Reads for all followers. What has arrived before is in the log, or was lost with another server. */
  #readAll(since?: Position): Promise<Read> {
    return this.context.reads.run(() => {
      this.#arrived = []
      this.#needsRepair = this.#hasOverflown = false
      return this.readEnd(since)
    })
  }

  /**
   * Takes the result of a read into the tail. Followers whose entries are not in the log are reset, the others continue.
   * @param newestBefore the newest position at the time when the read began
   */
  protected fold(result: Read, newestBefore: Position): void {
    const head = headOf(result)
    if (this.lossOf(head, this.held.newest) === true) {
      this.#merge(result)
    } else if (this.held.newest === newestBefore) {
      this.#mergeFork(head, result)
    } else {
      // Entries that have arrived since are in the log too, so a log that does not contain them answered before.
      this.#needsRepair = true
      return
    }
    for (const cursor of this.#cursors) cursor.pump()
  }

  /** Takes the result of a read of a log that has lost entries of the tail or of its followers. */
  #mergeFork(head: LogHead, result: Read): void {
    const lost = [...this.#cursors].map((cursor) => ({ cursor, why: this.lossOf(head, cursor) }))
    for (const cursor of this.#cursors) cursor.forgetBacklog()
    this.change(() => this.held.cut(head))
    this.#merge(result)
    for (const { cursor, why } of lost) if (why !== true) this.reset(cursor, why, result)
  }

  #merge(result: Read): void {
    const { epoch } = this.top
    const added = this.change(() => this.held.merge(result))
    if (this.#state === 'opening') return
    if (this.top.epoch !== epoch) this.counters.epochs++
    if (this.#state === 'stale') this.counters.repaired += added
  }

  /** Changes the held entries, and reports the change of their size. */
  protected change<Result>(change: () => Result): Result {
    const before = this.held.bytes
    const result = change()
    const bytes = this.held.bytes - before
    if (bytes !== 0) this.context.ringChanged(this, bytes)
    return result
  }

  protected reset(cursor: Cursor, why: LostReason, result: Read): void {
    this.counters.resets[why]++
    this.resetWith(cursor, why, result)
  }

  #add(follower: Follower, { status, why, position, entries = [], top, values }: Start, last: number): Followed {
    this.counters.resumes[why ?? (status === 'continues' ? 'continues' : 'fresh')]++
    const cursor = new Cursor(this, follower, position, last)
    if (entries.length > 0) cursor.feed(entries)
    this.#cursors.add(cursor)
    return {
      recovered: status === 'continues',
      ...(why !== undefined && { why }),
      position: positionOf(position),
      top: positionOf(top),
      ...(values !== undefined && { values }),
      cursor,
    }
  }

  protected requireOpen(): void {
    if (this.#state !== 'closed') return
    throw new TidewayError(
      'ERR_LAYER_UNAVAILABLE',
      `The log of the group "${this.group}" was closed before it could be read.`,
    )
  }
}

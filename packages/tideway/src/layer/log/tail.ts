import { backoffMs } from '../../errors/backoff.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { Clock } from './clock.ts'
import { Cursor, type CursorSource, type Follower } from './cursor.ts'
import type { EventLog, LogEntry, LogSink, ReadOptions, ReadResult } from './event-log.ts'
import type { Followed, FollowOptions } from './follow.ts'
import { headOf, HeldLog, positionOf, startOf } from './held-log.ts'
import type { LogCounters } from './log-stats.ts'
import { containsPosition, formatPosition, type LogHead, type LostReason, type Position } from './position.ts'
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
  /** The ring of the tail has grown by these bytes, or shrunk. */
  ringChanged(tail: Tail, bytes: number): void
  /** The tail has no cursor left. */
  emptied(tail: Tail): void
  /** The log cannot be read. The tail tries again. */
  repairFailed(group: string, error: unknown): void
  followerFailed(group: string, error: unknown): void
}

const REPAIR_JITTER_MS = 100
const RETRY = { firstMs: 200, mostMs: 5000 }
const SWEEP_GRACE_MS = 1000

/** `opening`: the first read is under way. `stale`: entries may be missing, and what arrives waits until they are read. */
type TailState = 'opening' | 'live' | 'stale' | 'closed'

/**
 * The end of the log of one group in this process, for all its followers here. It merges what it reads with what arrives, reads
 * missing entries once for all followers, and resets exactly the followers whose entries the log has lost.
 */
export class Tail implements LogSink, CursorSource {
  readonly group: string
  readonly #context: TailContext
  readonly #held: HeldLog
  readonly #cursors = new Set<Cursor>()
  #state: TailState = 'opening'
  readonly #opened: Promise<void>
  /** What has arrived during a read for all followers: as many entries as the ring holds. */
  #arrived: LogEntry[] = []
  /** Whether more has arrived than `#arrived` holds. */
  #hasOverflown = false
  #isRepairing = false
  #needsRepair = false
  /** The calls of `onGap()`. */
  #gaps = 0
  /** The calls of `follow()` that wait. */
  #joining = 0
  /** Failed reads in a row. */
  #failures = 0
  #cancelTimer: (() => void) | undefined
  /** The reads for followers, by what they ask: 1,000 followers at one position read once. */
  readonly #reading = new Map<string, Promise<ReadResult>>()

  constructor(group: string, context: TailContext) {
    this.group = group
    this.#context = context
    this.#held = new HeldLog(context.limits.ringEntries, context.limits.ringBytes)
    this.#opened = this.#open()
    // A follower that waits for it gets the error.
    this.#opened.catch(() => {})
  }

  get counters(): LogCounters {
    return this.#context.counters
  }

  get top(): Position {
    return this.#held.top
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
    return this.#held.at(offset)
  }

  /** @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the log cannot be read */
  async follow(follower: Follower, options: FollowOptions): Promise<Followed> {
    this.#joining++
    try {
      return await this.#follow(follower, options)
    } finally {
      this.#joining--
      if (this.isIdle) this.#context.emptied(this)
    }
  }

  async #follow(follower: Follower, { since, last = 0 }: FollowOptions): Promise<Followed> {
    await this.#opened
    this.#requireOpen()
    const { top, epochs } = this.#held
    const held = this.#held.startFor(since, last)
    if (held !== undefined) {
      const status = since === undefined ? 'fresh' : 'continues'
      return this.#add(follower, held, { status, entries: [], top, epochs }, last)
    }
    for (;;) {
      const result = await this.#read(since, last)
      this.#requireOpen()
      if (this.#isOutdated(result)) continue
      const start = result.status === 'continues' ? since! : startOf(result)
      return this.#add(follower, start, result, last)
    }
  }

  remove(cursor: Cursor): void {
    if (this.#cursors.delete(cursor) && this.isIdle) this.#context.emptied(this)
  }

  followerFailed(error: unknown): void {
    this.#context.followerFailed(this.group, error)
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
        this.#change(() => this.#held.push(entry))
        for (const cursor of this.#cursors) cursor.push(entry)
        return
      }
    }
    // After a change of epoch the offset may look right although the entry before it is another one.
    this.#hold(entry)
    this.#repair()
  }

  onVolatile(body: string): void {
    const { counters } = this.#context
    for (const cursor of this.#cursors) {
      if (!cursor.pushVolatile(body)) counters.volatileDropped++
    }
  }

  /** Reads what may be missing after a gap, some time soon: after a reconnect, every process reads every group. */
  onGap(): void {
    this.#gaps++
    if (this.#state === 'closed' || this.#state === 'opening') {
      this.#needsRepair = true
      return
    }
    this.#state = 'stale'
    this.#needsRepair = true
    if (this.#isRepairing || this.#cancelTimer !== undefined) return
    this.#repairAfter(this.#context.clock.random() * REPAIR_JITTER_MS)
  }

  /**
   * Compares the tail with its log, and reads what is missing. Resolves with whether entries were missing that no other check
   * had found.
   */
  async sweep(): Promise<boolean> {
    if (this.#state !== 'live') return false
    const before = this.top
    const { top } = await this.#context.reads.run(() => this.#log.read(this.group, this.#readOptions(0)))
    if (top.epoch === before.epoch && top.offset === before.offset) return false
    // An entry may be in the log and on its way.
    await new Promise<void>((resolve) => void this.#context.clock.after(SWEEP_GRACE_MS, resolve))
    if (this.#state !== 'live' || this.top !== before) return false
    this.#repair()
    return true
  }

  catchUp(cursor: Cursor): void {
    const since: Position = { epoch: cursor.epoch, offset: cursor.offset }
    const isWanted = (): boolean => this.#state !== 'closed' && cursor.isReadingFrom(since)
    this.#read(since, cursor.last).then(
      (result) => {
        if (!isWanted()) return
        if (this.#isOutdated(result)) this.catchUp(cursor)
        else if (result.status === 'continues') cursor.feed(result.entries)
        else this.#reset(cursor, result.why!, result)
      },
      (error: unknown) => {
        if (!isWanted()) return
        this.#context.repairFailed(this.group, error)
        this.#context.clock.after(backoffMs(1, RETRY, this.#context.clock.random), () => {
          if (isWanted()) this.catchUp(cursor)
        })
      },
    )
  }

  /** Drops the oldest entry that the process holds. Returns `false` if it holds none. */
  dropOldest(): boolean {
    return this.#change(() => this.#held.dropOldest())
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#cancelTimer?.()
    this.#context.log.unwatch(this.group)
    this.#change(() => this.#held.clear())
    this.#arrived = []
    for (const cursor of this.#cursors) cursor.close()
  }

  get #log(): EventLog {
    return this.#context.log
  }

  async #open(): Promise<void> {
    const { limits } = this.#context
    try {
      await this.#log.watch(this.group, this)
      const result = await this.#readAll({ ...this.#readOptions(limits.ringEntries), maxBytes: limits.ringBytes })
      if (this.isClosed) return
      this.#merge(result)
      this.#goOn()
    } catch (error) {
      this.close()
      throw error
    }
  }

  #hold(entry: LogEntry): void {
    if (this.#arrived.length < this.#context.limits.ringEntries) this.#arrived.push(entry)
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
    if (needsRepair) this.#repair()
  }

  #repair(): void {
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
    this.#cancelTimer = this.#context.clock.after(ms, () => {
      this.#cancelTimer = undefined
      if (this.#state === 'stale') this.#repair()
    })
  }

  async #runRepair(): Promise<void> {
    const { counters, limits, repairFailed } = this.#context
    this.#isRepairing = true
    const { newest } = this.#held
    try {
      const result = await this.#readAll({ ...this.#readOptions(limits.ringEntries), since: this.top })
      this.#isRepairing = false
      if (this.isClosed) return
      counters.repairs++
      this.#failures = 0
      this.#fold(result, newest)
      this.#goOn()
    } catch (error) {
      this.#isRepairing = false
      if (this.isClosed) return
      repairFailed(this.group, error)
      this.#repairAfter(backoffMs(++this.#failures, RETRY, this.#context.clock.random))
    }
  }

  /** Reads for all followers. What has arrived before is in the log, or was lost with another server. */
  #readAll(options: ReadOptions): Promise<ReadResult> {
    return this.#context.reads.run(() => {
      this.#arrived = []
      this.#needsRepair = this.#hasOverflown = false
      return this.#log.read(this.group, options)
    })
  }

  /**
   * Takes the result of a read into the tail. Followers whose entries are not in the log are reset, the others continue.
   * @param newestBefore the newest position at the time when the read began
   */
  #fold(result: ReadResult, newestBefore: Position): void {
    const head = headOf(result)
    if (containsPosition(head, this.#held.newest) === true) {
      this.#merge(result)
    } else if (this.#held.newest === newestBefore) {
      this.#mergeFork(head, result)
    } else {
      // Entries that have arrived since are in the log too, so a log that does not contain them answered before.
      this.#needsRepair = true
      return
    }
    for (const cursor of this.#cursors) cursor.pump()
  }

  /** Takes the result of a read of a log that has lost entries of the tail or of its followers. */
  #mergeFork(head: LogHead, result: ReadResult): void {
    const lost = [...this.#cursors].map((cursor) => ({ cursor, why: containsPosition(head, cursor) }))
    for (const cursor of this.#cursors) cursor.forgetBacklog()
    this.#change(() => this.#held.cut(head))
    this.#merge(result)
    for (const { cursor, why } of lost) if (why !== true) this.#reset(cursor, why, result)
  }

  #merge(result: ReadResult): void {
    const added = this.#change(() => this.#held.merge(result))
    if (this.#state === 'stale') this.counters.repaired += added
  }

  /** Changes the held entries, and reports the change of their size. */
  #change<Result>(change: () => Result): Result {
    const before = this.#held.bytes
    const result = change()
    const bytes = this.#held.bytes - before
    if (bytes !== 0) this.#context.ringChanged(this, bytes)
    return result
  }

  #reset(cursor: Cursor, why: LostReason, result: ReadResult): void {
    this.#context.counters.resets[why]++
    const count = Math.min(cursor.last, result.entries.length)
    const entries = result.entries.slice(result.entries.length - count)
    cursor.reset({ why, position: startOf({ ...result, entries }) }, entries)
  }

  /** Reads for a follower, and takes the result into the tail. */
  #read(since: Position | undefined, last: number): Promise<ReadResult> {
    const key = since === undefined ? `${last}` : `${formatPosition(since)}:${last}`
    let reading = this.#reading.get(key)
    if (reading === undefined) {
      const { reads, counters } = this.#context
      reading = reads
        .run(async () => {
          for (;;) {
            const { newest } = this.#held
            const gaps = this.#gaps
            counters.reads++
            const result = await this.#log.read(this.group, { ...this.#readOptions(last), since })
            if (this.isClosed) return result
            // Before a gap, another server may have answered, whose newest entries are lost.
            if (gaps !== this.#gaps) continue
            this.#observe(result, newest)
            return result
          }
        })
        .finally(() => this.#reading.delete(key))
      this.#reading.set(key, reading)
    }
    return reading
  }

  /** Takes the result of a follower's read into the tail: it may have entries that have not arrived yet, or never will. */
  #observe(result: ReadResult, newestBefore: Position): void {
    const { top, entries } = result
    // The tail has had all of it, unless the log has lost entries during the read.
    const { newest } = this.#held
    if (this.#held.contains(top) && (newest !== newestBefore || top.offset === newest.offset)) return
    const first = entries[0]?.offset ?? top.offset + 1
    const isForked = containsPosition(headOf(result), newest) !== true || this.#isOutdated(result)
    if (isForked || first <= this.top.offset + 1) {
      this.#fold(result, newestBefore)
    } else {
      // A hole in the ring would make every follower read.
      this.#held.ahead = top
      this.#needsRepair = true
    }
    if (this.#needsRepair && this.#state === 'live') this.#repair()
  }

  /** Whether another read has found that the log has forked since the read of this result, or will find it soon. */
  #isOutdated({ top }: ReadResult): boolean {
    return !this.#held.hasEpochOf(top)
  }

  #add(follower: Follower, start: Position, { status, why, entries, top }: ReadResult, last: number): Followed {
    this.#context.counters.resumes[why ?? (status === 'continues' ? 'continues' : 'fresh')]++
    const cursor = new Cursor(this, follower, start, last)
    if (entries.length > 0) cursor.feed(entries)
    this.#cursors.add(cursor)
    const position = { epoch: start.epoch, offset: start.offset }
    return {
      recovered: status === 'continues',
      ...(why !== undefined && { why }),
      position,
      top: positionOf(top),
      cursor,
    }
  }

  #readOptions(last: number): ReadOptions {
    const { replayEntries, replayBytes, headTtlMs } = this.#context.limits
    return { last, maxEntries: replayEntries, maxBytes: replayBytes, headTtlMs }
  }

  #requireOpen(): void {
    if (this.#state !== 'closed') return
    throw new TidewayError(
      'ERR_LAYER_UNAVAILABLE',
      `The log of the group "${this.group}" was closed before it could be read.`,
    )
  }
}

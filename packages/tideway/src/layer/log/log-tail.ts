import { backoffMs } from '../../errors/backoff.ts'
import type { Cursor } from './cursor.ts'
import type { ReadOptions, ReadResult } from './event-log.ts'
import type { FollowOptions } from './follow.ts'
import { headOf, HeldLog, startOf } from './held-log.ts'
import { containsPosition, formatPosition, type LogHead, type LostReason, type Position } from './position.ts'
import { RETRY, Tail, type Start, type TailContext } from './tail.ts'

/** The tail of a group with events: holds the newest ones, and reads earlier ones for the followers that need them. */
export class LogTail extends Tail {
  readonly isState = false
  protected readonly held: HeldLog
  /** The reads for followers, by what they ask: 1,000 followers at one position read once. */
  readonly #reading = new Map<string, Promise<ReadResult>>()

  constructor(group: string, context: TailContext) {
    super(group, context)
    this.held = new HeldLog(context.limits.ringEntries, context.limits.ringBytes)
  }

  catchUp(cursor: Cursor): void {
    const since: Position = { epoch: cursor.epoch, offset: cursor.offset }
    const startedAt = this.context.clock.now()
    const isWanted = (): boolean => !this.isClosed && cursor.isReadingFrom(since)
    this.#read(since, cursor.last).then(
      (result) => {
        if (!isWanted()) return
        if (this.#isOutdated(result)) this.catchUp(cursor)
        else if (result.status === 'continues') {
          this.#caughtUpSince(startedAt)
          cursor.feed(result.entries)
        } else this.reset(cursor, result.why!, result)
      },
      (error: unknown) => {
        if (!isWanted()) return
        this.context.repairFailed(this.group, error)
        this.context.clock.after(backoffMs(1, RETRY, this.context.clock.random), () => {
          if (isWanted()) this.catchUp(cursor)
        })
      },
    )
  }

  protected startOf({ since, last = 0 }: FollowOptions): Start | Promise<Start> {
    const position = this.held.startFor(since, last)
    if (position === undefined) return this.#readStart(since, last)
    return { status: since === undefined ? 'fresh' : 'continues', position, top: this.top }
  }

  protected readEnd(since?: Position): Promise<ReadResult> {
    const { ringEntries, ringBytes, replayBytes } = this.context.limits
    const maxBytes = since === undefined ? ringBytes : replayBytes
    return this.context.log.read(this.group, { ...this.#readOptions(ringEntries), maxBytes, since })
  }

  protected lossOf(head: LogHead, position: Position): true | LostReason {
    return containsPosition(head, position)
  }

  protected resetWith(cursor: Cursor, why: LostReason, result: ReadResult): void {
    const count = Math.min(cursor.last, result.entries.length)
    const entries = result.entries.slice(result.entries.length - count)
    cursor.reset({ why, position: startOf({ ...result, entries }) }, entries)
  }

  async #readStart(since: Position | undefined, last: number): Promise<Start> {
    const startedAt = this.context.clock.now()
    for (;;) {
      const result = await this.#read(since, last)
      this.requireOpen()
      if (this.#isOutdated(result)) continue
      this.#caughtUpSince(startedAt)
      return { ...result, position: result.status === 'continues' ? since! : startOf(result) }
    }
  }

  #caughtUpSince(startedAt: number): void {
    const { clock, times } = this.context
    times.catchUp.observe(clock.now() - startedAt)
  }

  /** Reads for a follower, and takes the result into the tail. */
  #read(since: Position | undefined, last: number): Promise<ReadResult> {
    const key = since === undefined ? `${last}` : `${formatPosition(since)}:${last}`
    let reading = this.#reading.get(key)
    if (reading === undefined) {
      const { reads, counters, log } = this.context
      reading = reads
        .run(async () => {
          for (;;) {
            const { newest } = this.held
            const { gaps } = this
            counters.reads++
            const result = await log.read(this.group, { ...this.#readOptions(last), since })
            if (this.isClosed) return result
            // Before a gap, another server may have answered, whose newest entries are lost.
            if (gaps !== this.gaps) continue
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
    const { newest } = this.held
    if (this.held.contains(top) && (newest !== newestBefore || top.offset === newest.offset)) return
    const first = entries[0]?.offset ?? top.offset + 1
    const isForked = containsPosition(headOf(result), newest) !== true || this.#isOutdated(result)
    // A hole in the ring would make every follower read.
    const hasHole = !isForked && first > this.top.offset + 1
    if (hasHole) this.held.ahead = top
    else this.fold(result, newestBefore)
    this.repairIfNeeded(hasHole || undefined)
  }

  /** Whether another read has found that the log has forked since the read of this result, or will find it soon. */
  #isOutdated({ top }: ReadResult): boolean {
    return !this.held.hasEpochOf(top)
  }

  #readOptions(last: number): ReadOptions {
    const { replayEntries, replayBytes, headTtlMs } = this.context.limits
    return { last, maxEntries: replayEntries, maxBytes: replayBytes, headTtlMs }
  }
}

import type { Cursor } from './cursor.ts'
import type { StateRead } from './event-log.ts'
import type { FollowOptions } from './follow.ts'
import { HeldState } from './held-state.ts'
import { formatPosition, valuesContinue, type LogHead, type LostReason, type Position } from './position.ts'
import { changeOf } from './state-body.ts'
import { RETRY, Tail, type Start } from './tail.ts'

/** Spreads the reads of processes that wait for the same value to expire: the first one deletes it for all. */
const EXPIRY_JITTER_MS = 250
/** The least time before a read for expired values. */
const EXPIRY_INTERVAL_MS = 500

/**
 * The tail of a group with values: holds the newest change of each key. Therefore a follower continues from any position without
 * a read, and a slow one gets only the newest changes.
 */
export class StateTail extends Tail<StateRead> {
  readonly isState = true
  protected readonly held: HeldState = new HeldState()
  /** The reads for followers, by their position. */
  readonly #reading = new Map<string, Promise<StateRead>>()
  #cancelExpiry: (() => void) | undefined
  #expiresAt = Infinity

  /** The deletions after the position are not held. */
  catchUp(cursor: Cursor): void {
    this.counters.resets.trimmed++
    this.resetWith(cursor, 'trimmed')
  }

  override onEntry(...[entry]: Parameters<Tail['onEntry']>): void {
    super.onEntry(entry)
    const ttlMs = changeOf(entry.body)?.ttlMs
    if (ttlMs !== undefined) this.#expireAfter(ttlMs)
  }

  override close(): void {
    super.close()
    this.#cancelExpiry?.()
  }

  protected startOf({ since }: FollowOptions): Start | Promise<Start> {
    if (since === undefined) return this.#snapshot('fresh')
    const decision = this.held.continues(since)
    // Another process may be ahead of this one.
    return decision === 'epoch' || decision === 'ahead' ? this.#readStart(since) : this.#start(since, decision)
  }

  protected async readEnd(since?: Position): Promise<StateRead> {
    const { log, limits } = this.context
    const read = await log.values(this.group, { since, headTtlMs: limits.headTtlMs })
    if (read.nextExpiryMs !== undefined) this.#expireAfter(read.nextExpiryMs)
    return read
  }

  protected lossOf(head: LogHead, position: Position): true | LostReason {
    // The changes of a read have holes, so their first offset decides nothing.
    return valuesContinue({ ...head, first: 0 }, position)
  }

  protected resetWith(cursor: Cursor, why: LostReason): void {
    const { top: position, values } = this.held
    cursor.reset({ why, position, values }, [])
  }

  #start(since: Position, decision: true | LostReason): Start {
    return decision === true
      ? { status: 'continues', position: since, top: this.top }
      : this.#snapshot('lost', decision)
  }

  #snapshot(status: 'fresh' | 'lost', why?: LostReason): Start {
    const { top, values } = this.held
    return { status, why, position: top, top, values }
  }

  async #readStart(since: Position): Promise<Start> {
    for (;;) {
      const { status, why } = await this.#read(since)
      this.requireOpen()
      if (status === 'lost') return this.#snapshot('lost', why)
      const decision = this.held.continues(since)
      if (decision !== 'epoch' && decision !== 'ahead') return this.#start(since, decision)
      await this.caughtUp()
      this.requireOpen()
    }
  }

  /** Reads for a follower: 1,000 followers at one position read once. */
  #read(since: Position): Promise<StateRead> {
    const key = formatPosition(since)
    let reading = this.#reading.get(key)
    if (reading === undefined) {
      this.counters.reads++
      reading = this.context.reads
        .run(() => this.readEnd(since))
        .then((read) => {
          if (!this.isClosed && this.held.continues(read.top) !== true) this.repairIfNeeded(true)
          return read
        })
        .finally(() => this.#reading.delete(key))
      this.#reading.set(key, reading)
    }
    return reading
  }

  /** A read deletes what has expired. The deletions arrive as other changes do. */
  #expireAfter(ms: number): void {
    const { clock, reads, repairFailed } = this.context
    const expiresAt = clock.now() + Math.max(ms, EXPIRY_INTERVAL_MS)
    if (this.isClosed || expiresAt >= this.#expiresAt) return
    this.#cancelExpiry?.()
    this.#expiresAt = expiresAt
    const delay = expiresAt - clock.now() + clock.random() * EXPIRY_JITTER_MS
    this.#cancelExpiry = clock.after(delay, () => {
      this.#expiresAt = Infinity
      reads
        .run(() => this.readEnd(this.top))
        .catch((error: unknown) => {
          if (this.isClosed) return
          repairFailed(this.group, error)
          this.#expireAfter(RETRY.mostMs)
        })
    })
  }
}

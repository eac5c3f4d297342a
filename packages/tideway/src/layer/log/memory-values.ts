import type { Expiry, LogEntry, SetOptions, SetResult } from './event-log.ts'
import { MAX_DELETIONS, type Position } from './position.ts'

/** The newest change of a key. */
interface StoredChange {
  readonly entry: LogEntry
  readonly bytes: number
  readonly isDeletion: boolean
  readonly expiresAt: number
  readonly expiry: Expiry | undefined
}

/** The values of one group in memory. */
export class MemoryValues {
  /** In the order of offsets. */
  readonly #changes = new Map<string, StoredChange>()
  #deletions = 0
  #bytes = 0
  #floor = 0

  /** The offset of the newest deletion that was dropped. */
  get floor(): number {
    return this.#floor
  }

  /** The newest changes after the offset. */
  entriesAfter(offset: number): readonly LogEntry[] {
    return Array.from(this.#changes.values(), ({ entry }) => entry).filter((entry) => entry.offset > offset)
  }

  /** The time until the next value expires. */
  nextExpiryMs(now: number): number | undefined {
    let next = Infinity
    for (const { expiresAt } of this.#changes.values()) next = Math.min(next, expiresAt)
    return next === Infinity ? undefined : next - now
  }

  /** Changes a key. `append` gives the change the next offset. */
  set(
    key: string,
    body: string,
    { deletes = false, expiry, ifVersion, maxKeys, maxBytes }: SetOptions,
    now: number,
    append: (body: string) => LogEntry,
  ): SetResult {
    const old = this.#changes.get(key)
    const hasOld = old !== undefined && !old.isDeletion
    const version = hasOld && old.expiresAt > now ? positionOf(old.entry) : undefined
    if (ifVersion !== undefined && !isSame(ifVersion, version)) return { status: 'conflict', version }
    if (deletes && !hasOld) return { status: 'absent' }
    const bytes = deletes ? 0 : Buffer.byteLength(key) + Buffer.byteLength(body)
    if (!deletes && this.#isFull(key, bytes, maxKeys, maxBytes)) {
      this.expire(now, append)
      if (this.#isFull(key, bytes, maxKeys, maxBytes)) return { status: 'full', version }
    }
    const entry = append(body)
    const expiresAt = expiry === undefined ? Infinity : now + expiry.afterMs
    this.#put(key, { entry, bytes, isDeletion: deletes, expiresAt, expiry })
    return { status: 'changed', version: positionOf(entry) }
  }

  /** Deletes the expired values. */
  expire(now: number, append: (body: string) => LogEntry): void {
    for (const [key, { expiry, expiresAt }] of this.#changes) {
      if (expiry === undefined || expiresAt > now) continue
      const entry = append(expiry.body)
      this.#put(key, { entry, bytes: 0, isDeletion: true, expiresAt: Infinity, expiry: undefined })
    }
  }

  #isFull(key: string, bytes: number, maxKeys: number, maxBytes: number): boolean {
    const old = this.#changes.get(key)
    const isNew = old === undefined || old.isDeletion
    const keys = this.#changes.size - this.#deletions + (isNew ? 1 : 0)
    return keys > maxKeys || this.#bytes - (old?.bytes ?? 0) + bytes > maxBytes
  }

  #put(key: string, change: StoredChange): void {
    this.#remove(key)
    this.#changes.set(key, change)
    this.#bytes += change.bytes
    if (change.isDeletion) this.#deletions++
    if (this.#deletions > MAX_DELETIONS) this.#dropDeletions()
  }

  #remove(key: string): void {
    const old = this.#changes.get(key)
    if (old === undefined) return
    this.#changes.delete(key)
    this.#bytes -= old.bytes
    if (old.isDeletion) this.#deletions--
  }

  /** Drops the oldest half of the deletions. */
  #dropDeletions(): void {
    let left = this.#deletions >>> 1
    for (const [key, { entry, isDeletion }] of this.#changes) {
      if (left === 0) return
      if (!isDeletion) continue
      this.#floor = entry.offset
      this.#remove(key)
      left--
    }
  }
}

function positionOf({ epoch, offset }: LogEntry): Position {
  return { epoch, offset }
}

function isSame(wanted: Position | null, version: Position | undefined): boolean {
  if (wanted === null) return version === undefined
  return version !== undefined && wanted.epoch === version.epoch && wanted.offset === version.offset
}

import type { LogEntry, ReadResult } from './event-log.ts'
import { containsPosition, continuesPosition, type EpochStart, type LogHead, type Position } from './position.ts'
import { Ring } from './ring.ts'

/** What a process holds of a log: its newest entries, its newest position, and the starts of its epochs. */
export class HeldLog {
  readonly #ring: Ring
  #top: Position = { epoch: '', offset: 0 }
  #epochs: readonly EpochStart[] = []
  /** A position that a follower has read, and the process does not hold. */
  ahead: Position | undefined

  constructor(maxEntries: number, maxBytes: number) {
    this.#ring = new Ring(maxEntries, maxBytes)
  }

  /** The newest position. A newer one is another object. */
  get top(): Position {
    return this.#top
  }

  /** The newest position that the process or one of its followers has received. */
  get newest(): Position {
    return this.ahead !== undefined && this.ahead.offset > this.#top.offset ? this.ahead : this.#top
  }

  get epochs(): readonly EpochStart[] {
    return this.#epochs
  }

  /** The bytes of the held entries. */
  get bytes(): number {
    return this.#ring.bytes
  }

  at(offset: number): LogEntry | undefined {
    return this.#ring.at(offset)
  }

  /** Adds the entry after the newest one. */
  push(entry: LogEntry): void {
    this.#ring.push(entry)
    this.#top = entry
  }

  /** Drops the oldest held entry. Returns `false` if there is none. */
  dropOldest(): boolean {
    if (this.#ring.size === 0) return false
    this.#ring.dropOldest()
    return true
  }

  clear(): void {
    this.#ring.clear()
  }

  /** Whether the position is in the epochs of the log, at or after its newest position too. */
  hasEpochOf(position: Position): boolean {
    return containsPosition({ epochs: this.#epochs, top: Infinity, first: 0 }, position) === true
  }

  contains(position: Position): boolean {
    return containsPosition({ epochs: this.#epochs, top: this.#top.offset, first: 0 }, position) === true
  }

  /** The position where a follower begins without a read, if the process holds what follows it. */
  startFor(since: Position | undefined, last: number): Position | undefined {
    const first = this.#ring.oldest?.offset ?? this.#top.offset + 1
    const head: LogHead = { epochs: this.#epochs, top: this.#top.offset, first }
    if (since !== undefined) return continuesPosition(head, since) === true ? since : undefined
    const offset = Math.max(0, this.#top.offset - last)
    return offset + 1 < first ? undefined : this.#positionAt(offset)
  }

  /** Drops the newest entries that are not in the log. */
  cut(head: LogHead): void {
    this.ahead = undefined
    for (let entry = this.#ring.newest; entry !== undefined; entry = this.#ring.newest) {
      if (containsPosition(head, entry) === true) return
      this.#ring.dropNewest()
    }
  }

  /**
   * Adds the entries of a read, whose log contains the held entries, or replaces the held entries if there is a hole between
   * them. Returns the number of new entries.
   */
  merge({ entries, top, epochs }: ReadResult): number {
    const newest = this.#ring.newest?.offset
    const first = entries[0]?.offset ?? top.offset + 1
    const isContiguous = newest !== undefined && first <= newest + 1
    if (!isContiguous) this.#ring.clear()
    const added = isContiguous ? entries.filter(({ offset }) => offset > newest) : entries
    for (const entry of added) this.#ring.push(entry)
    this.#top = top
    this.#epochs = epochs
    return added.length
  }

  #positionAt(offset: number): Position {
    if (offset === this.#top.offset) return this.#top
    const epoch = this.#ring.at(offset)?.epoch ?? this.#ring.at(offset + 1)?.epoch ?? this.#top.epoch
    return { epoch, offset }
  }
}

/** The head of the log at the time of the read. */
export function headOf({ epochs, top, entries }: ReadResult): LogHead {
  return { epochs, top: top.offset, first: entries[0]?.offset ?? top.offset + 1 }
}

/** Without the body that an entry has too. */
export function positionOf({ epoch, offset }: Position): Position {
  return { epoch, offset }
}

/** The position before the first entry of the result, in the epoch of that entry. */
export function startOf({ entries, top }: ReadResult): Position {
  const first = entries[0]
  return first === undefined ? positionOf(top) : { epoch: first.epoch, offset: first.offset - 1 }
}

import type { LogEntry, StateRead } from './event-log.ts'
import { MAX_DELETIONS, valuesContinue, type EpochStart, type LostReason, type Position } from './position.ts'
import { changeOf } from './state-body.ts'

/** One change that the process has received. */
interface HeldChange {
  readonly offset: number
  /** `undefined` if the key has a newer change. */
  entry: LogEntry | undefined
  readonly keyJson: string
  readonly isDeletion: boolean
}

/** How many changes that have a newer one stay in the list, for each one without. */
const OLD_PER_NEWEST = 2

/** What a process holds of a log with values: the newest change of each key, in the order of offsets. */
export class HeldState {
  #top: Position = { epoch: '', offset: 0 }
  #epochs: readonly EpochStart[] = []
  /** In ascending order. */
  #changes: HeldChange[] = []
  readonly #newest = new Map<string, HeldChange>()
  #deletions = 0
  #floor = 0
  #bytes = 0
  #snapshot: readonly LogEntry[] | undefined

  /** The newest position. A newer one is another object. */
  get top(): Position {
    return this.#top
  }

  /** Followers receive nothing else than the process. */
  get newest(): Position {
    return this.#top
  }

  get epochs(): readonly EpochStart[] {
    return this.#epochs
  }

  /** The bytes of the newest changes. */
  get bytes(): number {
    return this.#bytes
  }

  /** The entry of each value, in ascending order. The same array until something changes. */
  get values(): readonly LogEntry[] {
    return (this.#snapshot ??= this.#changes.flatMap(({ entry, isDeletion }) =>
      entry === undefined || isDeletion ? [] : [entry],
    ))
  }

  /** The first newest change at the offset or after it; `undefined` if a deletion before it may be missing. */
  at(offset: number): LogEntry | undefined {
    if (offset <= this.#floor) return undefined
    let [low, high] = [0, this.#changes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#changes[middle]!.offset < offset) low = middle + 1
      else high = middle
    }
    for (; low < this.#changes.length; low++) {
      const { entry } = this.#changes[low]!
      if (entry !== undefined) return entry
    }
    return undefined
  }

  /** Adds the change after the newest one. */
  push(entry: LogEntry): void {
    this.#add(entry)
    this.#top = entry
  }

  /** Values are not dropped: they are not in another part of the log. */
  dropOldest(): boolean {
    return false
  }

  clear(): void {
    this.#changes = []
    this.#newest.clear()
    this.#deletions = this.#floor = this.#bytes = 0
    this.#snapshot = undefined
  }

  /** Whether the held changes continue the position. */
  continues(position: Position): true | LostReason {
    return valuesContinue({ epochs: this.#epochs, top: this.#top.offset, first: this.#floor + 1 }, position)
  }

  /** Which values the lost changes have replaced is unknown: the read that found the new epoch has all values. */
  cut(): void {}

  /** Takes the changes of a read since the newest position, or replaces everything. Returns the number of changes. */
  merge({ status, entries, top, epochs, floor }: StateRead): number {
    if (status !== 'continues') {
      this.clear()
      this.#floor = floor
    }
    const { offset } = status === 'continues' ? this.#top : { offset: 0 }
    const added = entries.filter((entry) => entry.offset > offset)
    for (const entry of added) this.#add(entry)
    this.#top = top
    this.#epochs = epochs
    return added.length
  }

  #add(entry: LogEntry): void {
    const change = changeOf(entry.body)
    // Another program has sent it. Followers skip it.
    if (change === undefined) return
    const { keyJson, valueJson } = change
    const held: HeldChange = { offset: entry.offset, entry, keyJson, isDeletion: valueJson === undefined }
    const before = this.#newest.get(keyJson)
    if (before !== undefined) this.#remove(before)
    this.#newest.set(keyJson, held)
    this.#changes.push(held)
    this.#bytes += Buffer.byteLength(entry.body)
    if (held.isDeletion) this.#deletions++
    this.#snapshot = undefined
    if (this.#deletions > MAX_DELETIONS) this.#dropDeletions()
    if (this.#changes.length > 64 + (1 + OLD_PER_NEWEST) * this.#newest.size) {
      this.#changes = this.#changes.filter((one) => one.entry !== undefined)
    }
  }

  #remove(change: HeldChange): void {
    this.#bytes -= Buffer.byteLength(change.entry!.body)
    if (change.isDeletion) this.#deletions--
    this.#newest.delete(change.keyJson)
    change.entry = undefined
  }

  /** Drops the oldest half of the deletions. */
  #dropDeletions(): void {
    let left = this.#deletions >>> 1
    for (const change of this.#changes) {
      if (left === 0) return
      if (change.entry === undefined || !change.isDeletion) continue
      this.#floor = change.offset
      this.#remove(change)
      left--
    }
  }
}

import type { LogEntry, LostReason, Position, ReadResult } from 'tideway/layer'
import { MAX_EPOCHS, type AppendOptions, type ReadOptions } from 'tideway/layer/kit'

/** The data of an array log at one moment. */
export interface ArrayLogState {
  /** Empty if the log has no head. */
  readonly starts: readonly { readonly epoch: string; readonly from: number }[]
  /** All entries since the head began, also those that the log no longer holds. */
  readonly entries: readonly LogEntry[]
  /** How many of the oldest entries have expired. */
  readonly expired: number
  readonly ids: ReadonlyMap<string, Position>
}

/** What expires. Each one includes those before it. */
export type Expiring = 'ids' | 'entries' | 'head'

const EMPTY: ArrayLogState = { starts: [], entries: [], expired: 0, ids: new Map() }

/** The log of `docs/spec/logs.md` as one array of all its entries. The name of an epoch is its number: 1, 2, 3 … */
export class ArrayLog {
  #state = EMPTY
  #epochs = 0
  #hasLost = false

  get state(): ArrayLogState {
    return this.#state
  }

  get top(): number {
    return this.#state.entries.length
  }

  /** The number of the newest epoch. */
  get epochs(): number {
    return this.#epochs
  }

  append(
    body: string,
    { id }: Pick<AppendOptions, 'id'>,
  ): { readonly position: Position; readonly duplicate: boolean } {
    const first = id === undefined ? undefined : this.#state.ids.get(id)
    if (first !== undefined) return { position: first, duplicate: true }
    this.#begin()
    const { starts, entries, ids } = this.#state
    if (this.#hasLost) this.#change({ starts: [...starts, this.#newEpoch(this.top + 1)].slice(-MAX_EPOCHS) })
    const position = { epoch: `${this.#epochs}`, offset: this.top + 1 }
    this.#change({ entries: [...entries, { ...position, body }] })
    if (id !== undefined) this.#change({ ids: new Map([...ids, [id, position]]) })
    return { position, duplicate: false }
  }

  /** @param held how many entries the log holds: an engine may hold more than it must */
  read({ since, last, maxEntries, maxBytes }: ReadOptions, held: number): ReadResult {
    this.#begin()
    const { starts, entries } = this.#state
    const head = { top: { epoch: starts.at(-1)!.epoch, offset: this.top }, epochs: starts }
    const why = since && this.#loss(since, held, maxEntries, maxBytes)
    if (since !== undefined && why === undefined) {
      return { status: 'continues', entries: entries.slice(since.offset), ...head }
    }
    let count = Math.min(last, held)
    while (count > 1 && bytesOf(entries.slice(-count)) > maxBytes) count--
    const newest = count === 0 ? [] : entries.slice(-count)
    return why === undefined
      ? { status: 'fresh', entries: newest, ...head }
      : { status: 'lost', why, entries: newest, ...head }
  }

  expire(what: Expiring): void {
    if (what === 'head') this.#state = EMPTY
    else this.#change({ ids: new Map(), ...(what === 'entries' && { expired: this.top }) })
  }

  /** The engine may have lost entries: the next entry begins an epoch. */
  lose(state: ArrayLogState = this.#state): void {
    this.#state = state
    this.#hasLost = true
  }

  #begin(): void {
    if (this.#state.starts.length === 0) this.#change({ starts: [this.#newEpoch(1)] })
  }

  #newEpoch(from: number): ArrayLogState['starts'][number] {
    this.#hasLost = false
    return { epoch: `${++this.#epochs}`, from }
  }

  #change(change: Partial<ArrayLogState>): void {
    this.#state = { ...this.#state, ...change }
  }

  #loss({ epoch, offset }: Position, held: number, maxEntries: number, maxBytes: number): LostReason | undefined {
    const { starts, entries } = this.#state
    const start = starts.find((one) => one.epoch === epoch)
    if (start === undefined) return 'epoch'
    if (entries[offset - 1]?.epoch !== epoch && offset !== start.from - 1) {
      return start === starts.at(-1) && offset > this.top ? 'ahead' : 'epoch'
    }
    const missed = entries.slice(offset)
    if (missed.length > held) return 'trimmed'
    const isTooMuch = missed.length > maxEntries || (missed.length > 1 && bytesOf(missed) > maxBytes)
    return isTooMuch ? 'behind' : undefined
  }
}

function bytesOf(entries: readonly LogEntry[]): number {
  return entries.reduce((bytes, { body }) => bytes + Buffer.byteLength(body), 0)
}

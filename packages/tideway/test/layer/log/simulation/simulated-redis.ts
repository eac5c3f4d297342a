import { strictEqual } from 'node:assert'
import type {
  Appended,
  AppendOptions,
  LogEntry,
  LogSink,
  ReadOptions,
  ReadResult,
  SetOptions,
  SetResult,
  StateRead,
  ValuesOptions,
} from '../../../../src/layer/log/event-log.ts'
import {
  containsPosition,
  continuesPosition,
  formatPosition,
  MAX_EPOCHS,
  valuesContinue,
  type EpochStart,
  type LostReason,
  type Position,
} from '../../../../src/layer/log/position.ts'

import { changeOf } from '../../../../src/layer/log/state-body.ts'

/** The data of one group: what a replica and a file of Redis have too. */
interface Stored {
  readonly epochs: readonly EpochStart[]
  readonly run: string
  readonly top: number
  /** The first `trimmed` entries of `history` are no longer in the log. */
  readonly trimmed: number
  /** Every entry since the log began, for the checks. Logs of Redis do not keep it. */
  readonly history: readonly LogEntry[]
  /** The newest change of each key. Set by `setValue` only. */
  readonly changes: ReadonlyMap<string, LogEntry>
}

/**
 * The scripts of the Redis event log as a model, and everything that can happen to their data. A state is immutable, so a
 * replica that lags and an old file are earlier states.
 */
export class SimulatedRedis {
  #states: ReadonlyMap<string, Stored>[] = [new Map()]
  #run = 'run0'
  #runs = 0
  #epochs = 0
  readonly #ids = new Map<string, Position>()
  /** The data after each loss. */
  readonly #losses: ReadonlyMap<string, Stored>[] = []
  /** How many losses there were before each position was written: two entries at one position would be a fault of the epochs. */
  readonly #writtenAt = new Map<string, number>()
  /** How many losses there were before each epoch began. */
  readonly #begunAt = new Map<string, number>()
  readonly sinks = new Set<(group: string, call: (sink: LogSink) => void) => void>()

  historyOf(group: string): readonly LogEntry[] {
    return this.#data.get(group)?.history ?? []
  }

  topOf(group: string): Position | undefined {
    const stored = this.#data.get(group)
    return stored === undefined ? undefined : { epoch: stored.epochs.at(-1)!.epoch, offset: stored.top }
  }

  /** Whether the log did not contain the position at some time after it was written. An old file may contain it again. */
  hasLost(group: string, position: Position): boolean {
    const since = this.#writtenAt.get(formatPosition(position)) ?? this.#begunAt.get(position.epoch)!
    return [...this.#losses.slice(since), this.#data].some((data) => {
      const stored = data.get(group)
      return stored === undefined || containsPosition({ ...stored, first: 0 }, position) !== true
    })
  }

  append(group: string, body: string, { size, id }: AppendOptions): Appended {
    const key = `${group} ${id}`
    const first = id === undefined ? undefined : this.#ids.get(key)
    if (first !== undefined) return { position: first, duplicate: true }
    const stored = this.#continued(group)
    const top = stored.top + 1
    const entry: LogEntry = { epoch: stored.epochs.at(-1)!.epoch, offset: top, body }
    const position = { epoch: entry.epoch, offset: top }
    strictEqual(this.#writtenAt.get(formatPosition(entry)), undefined, 'A position was written twice.')
    this.#writtenAt.set(formatPosition(entry), this.#losses.length)
    const trimmed = Math.max(stored.trimmed, top - size)
    this.#set(group, { ...stored, top, trimmed, history: [...stored.history, entry] })
    if (id !== undefined) this.#ids.set(key, position)
    for (const send of this.sinks) send(group, (sink) => sink.onEntry(entry))
    return { position, duplicate: false }
  }

  sendVolatile(group: string, body: string): void {
    for (const send of this.sinks) send(group, (sink) => sink.onVolatile(body))
  }

  read(group: string, { since, last, maxEntries }: ReadOptions): ReadResult {
    let stored = this.#data.get(group)
    if (stored === undefined) this.#set(group, (stored = this.#begun()))
    const { epochs, top, trimmed, history } = stored
    const kept = history.slice(trimmed)
    const result = (status: ReadResult['status'], entries: readonly LogEntry[], why?: LostReason): ReadResult => ({
      status,
      ...(why !== undefined && { why }),
      entries,
      top: { epoch: epochs.at(-1)!.epoch, offset: top },
      epochs,
    })
    const newest = kept.slice(Math.max(0, kept.length - last))
    if (since === undefined) return result('fresh', newest)
    const decision = continuesPosition({ epochs, top, first: top - kept.length + 1 }, since)
    if (decision !== true) return result('lost', newest, decision)
    const missed = top - since.offset
    return missed > maxEntries
      ? result('lost', newest, 'behind')
      : result('continues', kept.slice(kept.length - missed))
  }

  setValue(group: string, key: string, body: string, _options: SetOptions): SetResult {
    const stored = this.#continued(group)
    const entry: LogEntry = { epoch: stored.epochs.at(-1)!.epoch, offset: stored.top + 1, body }
    strictEqual(this.#writtenAt.get(formatPosition(entry)), undefined, 'A position was written twice.')
    this.#writtenAt.set(formatPosition(entry), this.#losses.length)
    const changes = new Map(stored.changes)
    changes.delete(key)
    changes.set(key, entry)
    this.#set(group, { ...stored, top: entry.offset, changes })
    for (const send of this.sinks) send(group, (sink) => sink.onEntry(entry))
    return { status: 'changed', version: { epoch: entry.epoch, offset: entry.offset } }
  }

  /** Begins a new epoch if Redis may have lost changes. */
  values(group: string, { since }: ValuesOptions): StateRead {
    const stored = this.#continued(group)
    if (stored !== this.#data.get(group)) this.#set(group, stored)
    const { epochs, top, trimmed: floor } = stored
    const entries = [...stored.changes.values()]
    const all = { entries, top: { epoch: epochs.at(-1)!.epoch, offset: top }, epochs, floor }
    if (since === undefined) return { status: 'fresh', ...all }
    const why = valuesContinue({ epochs, top, first: floor + 1 }, since)
    if (why !== true) return { status: 'lost', why, ...all }
    return { status: 'continues', ...all, entries: entries.filter(({ offset }) => offset > since.offset) }
  }

  /** Drops all deletions of a group with values. */
  dropDeletions(group: string): void {
    const stored = this.#data.get(group)
    if (stored === undefined) return
    const dropped = [...stored.changes].filter(([, { body }]) => changeOf(body)!.valueJson === undefined)
    if (dropped.length === 0) return
    const changes = new Map(stored.changes)
    for (const [key] of dropped) changes.delete(key)
    this.#set(group, { ...stored, changes, trimmed: dropped.at(-1)![1].offset })
  }

  /** The entries of the values of a group, in ascending order. */
  valuesOf(group: string): readonly LogEntry[] {
    const changes = this.#data.get(group)?.changes ?? new Map<string, LogEntry>()
    return [...changes.values()].filter(({ body }) => changeOf(body)!.valueJson !== undefined)
  }

  /** A replica that has not got the last writes becomes the master, or Redis restarts with the data of some writes ago. */
  goBack(writes: number): void {
    this.#states = this.#states.slice(0, Math.max(1, this.#states.length - writes))
    this.#losses.push(this.#data)
    this.#newRun()
  }

  /** Redis restarts without data, or a command deletes all. */
  loseAll(isRestart: boolean): void {
    this.#states.push(new Map())
    this.#losses.push(this.#data)
    this.#ids.clear()
    if (isRestart) this.#newRun()
  }

  evictHead(group: string): void {
    const data = new Map(this.#data)
    data.delete(group)
    this.#states.push(data)
    this.#losses.push(data)
  }

  evictEntries(group: string): void {
    const stored = this.#data.get(group)
    if (stored !== undefined) this.#set(group, { ...stored, trimmed: stored.history.length })
  }

  get #data(): ReadonlyMap<string, Stored> {
    return this.#states.at(-1)!
  }

  #newRun(): void {
    this.#run = `run${++this.#runs}`
    // The ids are data too. The publishers of the simulation repeat an id only at once.
    this.#ids.clear()
  }

  #begun(): Stored {
    const epoch = this.#newEpoch()
    return { epochs: [{ epoch, from: 1 }], run: this.#run, top: 0, trimmed: 0, history: [], changes: new Map() }
  }

  #continued(group: string): Stored {
    const stored = this.#data.get(group)
    if (stored === undefined) return this.#begun()
    if (stored.run === this.#run) return stored
    const epochs = [...stored.epochs, { epoch: this.#newEpoch(), from: stored.top + 1 }].slice(-MAX_EPOCHS)
    return { ...stored, run: this.#run, epochs }
  }

  #newEpoch(): string {
    const epoch = `e${this.#epochs++}`
    this.#begunAt.set(epoch, this.#losses.length)
    return epoch
  }

  #set(group: string, stored: Stored): void {
    this.#states.push(new Map(this.#data).set(group, stored))
    if (this.#states.length > 50) this.#states.shift()
  }
}

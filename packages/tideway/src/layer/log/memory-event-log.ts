import { randomBytes } from 'node:crypto'
import { MemoryPresenceStore } from '../presence/memory-presence-store.ts'
import { TurnQueue } from '../turn-queue.ts'
import { MemoryAnswers } from './memory-answers.ts'
import { systemClock, type Clock } from './clock.ts'
import {
  DEFAULT_ID_TTL_MS,
  type Appended,
  type AppendOptions,
  type EventLog,
  type LogEntry,
  type LogSink,
  type ReadOptions,
  type ReadResult,
  type SetOptions,
  type SetResult,
  type StateRead,
  type ValuesOptions,
} from './event-log.ts'
import { MemoryValues } from './memory-values.ts'
import { continuesPosition, valuesContinue, type EpochStart, type LostReason, type Position } from './position.ts'

/** How often expired logs are removed. */
const PURGE_EVERY_MS = 60_000

/** The log of one group. */
interface MemoryLog {
  readonly epochs: readonly [EpochStart]
  top: number
  /** In ascending order, without a hole. */
  entries: LogEntry[]
  entriesExpireAt: number
  headExpiresAt: number
  /** The events with an id, oldest first. */
  readonly ids: Map<string, { readonly position: Position; readonly expiresAt: number }>
  readonly values: MemoryValues
}

/** The event log of one process, in its memory. Each log begins a random epoch, so a restart of the process is a new log. */
export class MemoryEventLog implements EventLog {
  readonly answers: MemoryAnswers
  readonly presence: MemoryPresenceStore
  readonly #clock: Clock
  readonly #logs = new Map<string, MemoryLog>()
  readonly #sinks = new Map<string, LogSink>()
  readonly #gapListeners = new Set<() => void>()
  readonly #turns = new TurnQueue()
  #cancelPurge: (() => void) | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
    this.answers = new MemoryAnswers(clock)
    this.presence = new MemoryPresenceStore(this, clock)
  }

  append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    const now = this.#clock.now()
    const log = this.#logOf(group, now)
    this.#extendHead(log, options.headTtlMs, now)
    const { id } = options
    if (id !== undefined) {
      const first = log.ids.get(id)
      if (first !== undefined && first.expiresAt > now) {
        return Promise.resolve({ position: first.position, duplicate: true, ...replicasOf(options) })
      }
    }
    const entry: LogEntry = Object.freeze({ epoch: log.epochs[0].epoch, offset: ++log.top, body })
    log.entries.push(entry)
    // Trims many entries at once, so that an append costs a constant on average.
    if (log.entries.length > options.size + Math.max(100, options.size)) {
      log.entries.splice(0, log.entries.length - options.size)
    }
    log.entriesExpireAt = now + options.ttlMs
    const position: Position = Object.freeze({ epoch: entry.epoch, offset: entry.offset })
    if (id !== undefined) {
      forgetExpired(log.ids, now)
      log.ids.delete(id)
      log.ids.set(id, { position, expiresAt: now + (options.idTtlMs ?? DEFAULT_ID_TTL_MS) })
    }
    this.#deliver(group, body, (sink) => sink.onEntry(entry))
    return Promise.resolve({ position, duplicate: false, ...replicasOf(options) })
  }

  send(group: string, body: string): Promise<void> {
    this.#deliver(group, body, (sink) => sink.onVolatile(body))
    return Promise.resolve()
  }

  read(group: string, options: ReadOptions): Promise<ReadResult> {
    const now = this.#clock.now()
    const log = this.#logOf(group, now)
    this.#extendHead(log, options.headTtlMs, now)
    const { epochs, top, entries } = log
    const { since } = options
    const result = (status: ReadResult['status'], read: readonly LogEntry[], why?: LostReason): ReadResult => ({
      status,
      ...(why !== undefined && { why }),
      entries: read,
      top: { epoch: epochs[0].epoch, offset: top },
      epochs,
    })
    if (since === undefined) return Promise.resolve(result('fresh', newestOf(entries, options)))
    const first = top - entries.length + 1
    const decision = continuesPosition({ epochs, top, first }, since)
    if (decision !== true) return Promise.resolve(result('lost', newestOf(entries, options), decision))
    const missed = entries.slice(entries.length - (top - since.offset))
    if (missed.length > options.maxEntries || bytesOf(missed, options.maxBytes) > options.maxBytes) {
      return Promise.resolve(result('lost', newestOf(entries, options), 'behind'))
    }
    return Promise.resolve(result('continues', missed))
  }

  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    const now = this.#clock.now()
    const log = this.#logOf(group, now)
    this.#extendHead(log, options.headTtlMs, now)
    const append = (changed: string): LogEntry => this.#appendValue(group, log, changed)
    return Promise.resolve(log.values.set(key, body, options, now, append))
  }

  values(group: string, options: ValuesOptions): Promise<StateRead> {
    const now = this.#clock.now()
    const log = this.#logOf(group, now)
    this.#extendHead(log, options.headTtlMs, now)
    const { epochs, values } = log
    values.expire(now, (body) => this.#appendValue(group, log, body))
    const { top } = log
    const { since } = options
    const { floor } = values
    const head = {
      top: { epoch: epochs[0].epoch, offset: top },
      epochs,
      floor,
      nextExpiryMs: values.nextExpiryMs(now),
    }
    if (since === undefined) return Promise.resolve({ status: 'fresh', entries: values.entriesAfter(0), ...head })
    const why = valuesContinue({ epochs, top, first: floor + 1 }, since)
    if (why !== true) return Promise.resolve({ status: 'lost', why, entries: values.entriesAfter(0), ...head })
    return Promise.resolve({ status: 'continues', entries: values.entriesAfter(since.offset), ...head })
  }

  watch(group: string, sink: LogSink): Promise<void> {
    this.#sinks.set(group, sink)
    return Promise.resolve()
  }

  unwatch(group: string): void {
    this.#sinks.delete(group)
  }

  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener)
    return () => this.#gapListeners.delete(listener)
  }

  /** Deletes every log and answer, and everything of presence. Watchers stay, and learn of it as of a gap. */
  flush(): void {
    this.#logs.clear()
    this.answers.clear()
    this.presence.clear()
    this.#reportGap()
  }

  /** Deletes every log and every watcher. */
  close(): void {
    this.#cancelPurge?.()
    this.#cancelPurge = undefined
    this.#logs.clear()
    this.answers.clear()
    this.presence.clear()
    this.#sinks.clear()
    this.#gapListeners.clear()
  }

  #appendValue(group: string, log: MemoryLog, body: string): LogEntry {
    const entry: LogEntry = Object.freeze({ epoch: log.epochs[0].epoch, offset: ++log.top, body })
    this.#deliver(group, body, (sink) => sink.onEntry(entry))
    return entry
  }

  /** Returns the log of the group, without expired entries; a new one in a new epoch if there is none. */
  #logOf(group: string, now: number): MemoryLog {
    let log = this.#logs.get(group)
    if (log === undefined || log.headExpiresAt <= now) {
      const epoch = randomBytes(9).toString('base64url')
      log = {
        epochs: [{ epoch, from: 1 }],
        top: 0,
        entries: [],
        entriesExpireAt: 0,
        headExpiresAt: now,
        ids: new Map(),
        values: new MemoryValues(),
      }
      this.#logs.set(group, log)
      this.#cancelPurge ??= this.#clock.after(PURGE_EVERY_MS, this.#purge)
    }
    if (log.entriesExpireAt <= now && log.entries.length > 0) log.entries = []
    return log
  }

  #extendHead(log: MemoryLog, headTtlMs: number, now: number): void {
    log.headExpiresAt = Math.max(log.headExpiresAt, now + headTtlMs)
  }

  /** Calls the sink in a turn of its own: a handler that publishes would otherwise run other handlers on its stack. */
  #deliver(group: string, body: string, call: (sink: LogSink) => void): void {
    if (!this.#sinks.has(group)) return
    const isQueued = this.#turns.add(
      () => {
        const sink = this.#sinks.get(group)
        if (sink !== undefined) call(sink)
      },
      body.length < 1024 ? 0 : body.length,
    )
    // The log has the entry: its readers read it after the queue is empty.
    if (!isQueued) void this.#turns.drained().then(() => this.#reportGap())
  }

  #reportGap(): void {
    for (const listener of this.#gapListeners) listener()
  }

  readonly #purge = (): void => {
    const now = this.#clock.now()
    for (const [group, log] of this.#logs) {
      forgetExpired(log.ids, now)
      if (log.headExpiresAt <= now) this.#logs.delete(group)
      else if (log.entriesExpireAt <= now) log.entries = []
    }
    this.#cancelPurge = this.#logs.size === 0 ? undefined : this.#clock.after(PURGE_EVERY_MS, this.#purge)
  }
}

/** Memory has no replicas. */
function replicasOf({ replicas }: AppendOptions): { readonly replicas?: number } {
  return replicas === undefined ? {} : { replicas: 0 }
}

function forgetExpired(ids: MemoryLog['ids'], now: number): void {
  for (const [id, { expiresAt }] of ids) {
    if (expiresAt > now) return
    ids.delete(id)
  }
}

/** The newest entries, at most `last` and `maxBytes`, but at least one if `last` is not 0. */
function newestOf(entries: readonly LogEntry[], { last, maxBytes }: ReadOptions): readonly LogEntry[] {
  let start = entries.length
  let bytes = 0
  while (start > 0 && entries.length - start < last) {
    bytes += Buffer.byteLength(entries[start - 1]!.body)
    if (bytes > maxBytes && start < entries.length) break
    start--
  }
  return entries.slice(start)
}

/** The bytes of the entries; only whether they are over the limit if they are. One entry is never over the limit. */
function bytesOf(entries: readonly LogEntry[], limit: number): number {
  if (entries.length === 1) return 0
  let bytes = 0
  for (const { body } of entries) {
    bytes += Buffer.byteLength(body)
    if (bytes > limit) return bytes
  }
  return bytes
}

import type { AnswerStore } from './answer-store.ts'
import type { PresenceStore } from '../presence/presence-store.ts'
import type { GroupSurvey } from './group-survey.ts'
import type { EpochStart, LostReason, Position } from './position.ts'

/** One event of a kept group in its log. Immutable, and shared by all its followers in a process. */
export interface LogEntry extends Position {
  /** The event, as the text that was appended. */
  readonly body: string
}

/** How long a log keeps an id, in milliseconds, if `append` gets no other time. */
export const DEFAULT_ID_TTL_MS = 300_000

/** Options of `append`. */
export interface AppendOptions {
  /** The number of entries that the log keeps at least. It may keep more, at most twice as many and 100. */
  readonly size: number
  /** How long the log keeps its entries after the last append, in milliseconds. */
  readonly ttlMs: number
  /** How long the log keeps its epochs and its newest offset after the last append or read, in milliseconds. */
  readonly headTtlMs: number
  /**
   * Names the event. An append with an `id` that the log has seen within `idTtlMs` appends nothing, and returns the position of
   * the first one. @default none
   */
  readonly id?: string | undefined
  /** @default 300000 */
  readonly idTtlMs?: number | undefined
  /** Also waits until this number of replicas has the entry. @default 0 */
  readonly replicas?: number | undefined
}

/** The result of `append`. */
export interface Appended {
  readonly position: Position
  /** Whether the `id` was appended before. */
  readonly duplicate: boolean
  /** The number of replicas that have the entry, if the options asked for it. */
  readonly replicas?: number | undefined
}

/** Options of `read`. */
export interface ReadOptions {
  /** Reads what follows this position. @default none: reads the newest entries */
  readonly since?: Position | undefined
  /** The most entries to return if there is no `since`, or if the log does not continue it. */
  readonly last: number
  /** The most entries after `since`; if there are more, the log does not continue it (`behind`). */
  readonly maxEntries: number
  /** The most bytes of entries, with at least one entry. */
  readonly maxBytes: number
  /** As in {@link AppendOptions}, for a log that the read creates. */
  readonly headTtlMs: number
}

/** The result of `read`, of one moment. */
export interface ReadResult {
  /**
   * `continues`: `entries` are all entries after `since`. `fresh`: there was no `since`. `lost`: the log does not continue
   * `since`. In the last two cases `entries` are the newest ones, and never a part of what follows `since`.
   */
  readonly status: 'continues' | 'fresh' | 'lost'
  /** Set if `status` is `lost`. */
  readonly why?: LostReason | undefined
  /** In ascending order without a hole. The last one is at `top`, unless the log no longer holds it and the list is empty. */
  readonly entries: readonly LogEntry[]
  /** The newest position of the log. */
  readonly top: Position
  /** The starts of the newest epochs of the log, oldest first: at least one, at most 8. */
  readonly epochs: readonly EpochStart[]
}

/** What {@link EventLog.set} appends when a value expires. */
export interface Expiry {
  /** How long the key has the value, in milliseconds. */
  readonly afterMs: number
  /** The body of the deletion. */
  readonly body: string
}

/** Options of `set`. */
export interface SetOptions {
  /** Deletes the value of the key. The body is that of the deletion. @default false */
  readonly deletes?: boolean | undefined
  /** Deletes the value of the key after a time. @default none */
  readonly expiry?: Expiry | undefined
  /**
   * Changes the key only if this is the position of its newest change; `null`: only if the key has no value.
   * @default none: always changes the key
   */
  readonly ifVersion?: Position | null | undefined
  /** The most keys with a value. */
  readonly maxKeys: number
  /** The most bytes of keys and bodies. */
  readonly maxBytes: number
  /** How long the log keeps its values after the last change or read, in milliseconds. */
  readonly headTtlMs: number
}

/**
 * The result of `set`. `conflict`: the key has another version than `ifVersion`. `absent`: the key to delete has no value.
 * `full`: the change would exceed a bound.
 */
export interface SetResult {
  readonly status: 'changed' | 'conflict' | 'absent' | 'full'
  /** The position of the newest change of the key. `undefined` if it has no value and was not changed. */
  readonly version?: Position | undefined
}

/** Options of `values`. */
export interface ValuesOptions {
  /** Reads what has changed since this position. @default none: reads all values */
  readonly since?: Position | undefined
  /** As in {@link SetOptions}, for a log that the read creates. */
  readonly headTtlMs: number
}

/**
 * The result of `values`, of one moment. `entries` has the newest change of each key, in ascending order and with holes. If
 * `status` is `continues`, those after `since`. Otherwise all values, and the deletions after `floor`.
 */
export interface StateRead extends ReadResult {
  /** The log no longer has the deletions up to this offset. It does not continue a position before it (`trimmed`). */
  readonly floor: number
  /** The time until the next value expires, in milliseconds. `undefined` if none expires. */
  readonly nextExpiryMs?: number | undefined
}

/** Receives the events of one watched group. */
export interface LogSink {
  /** An entry was appended. */
  onEntry(entry: LogEntry): void
  /** A volatile event was sent. @param isForeign whether by a program that has no kept groups, such as Django */
  onVolatile(body: string, isForeign?: boolean): void
}

/**
 * The log of kept groups of one engine: memory, Redis, or another one. Everything that is subtle (merge, repair, forks, slow
 * followers) is in the code that uses it, so an engine needs no state per follower. `docs/spec/logs.md` is the specification,
 * `describeEventLog` of `tideway/layer/contract` its test suite.
 *
 * The caller has checked the names of groups and the sizes of events.
 */
export interface EventLog {
  /** The answers to requests, on the same engine. */
  readonly answers: AnswerStore
  /** Who is in the groups. `undefined` for a log whose groups cannot have presence. */
  readonly presence?: PresenceStore | undefined
  /** Asks other processes which groups they follow. `undefined` for a log without this. */
  readonly survey?: GroupSurvey | undefined

  /**
   * Appends an event and sends it to the watchers of the group in every process, in one atomic step. A log that does not exist
   * begins a new epoch with offset 1. A log that may have lost entries since its last append begins a new epoch after its
   * newest entry.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown or nothing was appended
   */
  append(group: string, body: string, options: AppendOptions): Promise<Appended>

  /** Sends a volatile event to the watchers of the group in every process, at most once. It has no offset and is not kept. */
  send(group: string, body: string): Promise<void>

  /**
   * Reads entries, at one moment. Creates the head of a log that does not exist, so that a group without events has a position.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the log cannot be read: this is never an answer about a position
   */
  read(group: string, options: ReadOptions): Promise<ReadResult>

  /**
   * Changes the value of a key, and sends the change as an entry to the watchers of the group in every process, in one atomic
   * step. The entry has the next offset of the log. The log keeps the newest change of each key, deletions too, and no others.
   * A group has either values or appended entries.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown or nothing was changed
   */
  set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult>

  /**
   * Reads the values of the keys, at one moment. First deletes the expired ones, as `set` does. Creates the head of a log that
   * does not exist.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the values cannot be read: this is never an answer about a position
   */
  values(group: string, options: ValuesOptions): Promise<StateRead>

  /**
   * Passes the events of the group to the sink from the time when the promise resolves: in the order of the log, at most once,
   * possibly with gaps. A group has at most one sink.
   */
  watch(group: string, sink: LogSink): Promise<void>

  /** Ends `watch`. Has no effect if the group has no sink. */
  unwatch(group: string): void

  /**
   * Adds a listener that is called when watchers may have missed entries, for example after a reconnect. Returns a function that
   * removes it.
   */
  onGap(listener: () => void): () => void
}

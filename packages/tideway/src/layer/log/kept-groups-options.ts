import { MAX_TIMER_MS, requireWholeNumber } from '../../errors/option-checks.ts'
import type { EventTracing } from './event-tracing.ts'
import type { PresenceOptions } from '../presence/presence-options.ts'

/** Options of the kept groups of a layer. */
export interface KeptGroupsOptions {
  /** The largest event as JSON, in bytes. @default 65536 */
  readonly maxEventBytes?: number | undefined
  /** The most entries of one group that the process holds. @default 256 */
  readonly ringEntries?: number | undefined
  /** The most bytes of entries of one group that the process holds. @default 262144 */
  readonly ringBytes?: number | undefined
  /** The most bytes of entries of all groups that the process holds. @default 67108864 */
  readonly totalRingBytes?: number | undefined
  /** The most entries that a follower may have missed. @default 1000 */
  readonly replayEntries?: number | undefined
  /** The most bytes of entries that a follower may have missed. @default 1048576 */
  readonly replayBytes?: number | undefined
  /** How long the process keeps following a group without a follower, in milliseconds. @default 5000 */
  readonly lingerMs?: number | undefined
  /** The most reads of the log at the same time. @default 8 */
  readonly readsAtOnce?: number | undefined
  /** How often the process compares each group with its log, in milliseconds. @default 300000 */
  readonly sweepIntervalMs?: number | undefined
  /** The times and bounds of presence. @default see {@link PresenceOptions} */
  readonly presence?: PresenceOptions | undefined
  /** Traces the events from their publication to their delivery. @default none */
  readonly tracing?: EventTracing | undefined
}

/** The options of logs with their defaults. */
export type ResolvedKeptGroupsOptions = Readonly<
  Record<Exclude<keyof KeptGroupsOptions, 'presence' | 'tracing'>, number>
>

/** The defaults of {@link KeptGroupsOptions}. */
export const keptGroupsDefaults: ResolvedKeptGroupsOptions = Object.freeze({
  maxEventBytes: 65_536,
  ringEntries: 256,
  ringBytes: 262_144,
  totalRingBytes: 67_108_864,
  replayEntries: 1000,
  replayBytes: 1_048_576,
  lingerMs: 5000,
  readsAtOnce: 8,
  sweepIntervalMs: 300_000,
})

/** How much of a kept group its log keeps. */
export interface History {
  /** How many entries the log keeps at least: 1 to 10,000. @default 100 */
  readonly size?: number | undefined
  /** How long the log keeps its entries after the last event, in milliseconds. @default 300000 */
  readonly ttlMs?: number | undefined
}

/** The defaults of {@link History}. */
export const historyDefaults: { readonly size: number; readonly ttlMs: number } = Object.freeze({
  size: 100,
  ttlMs: 300_000,
})

/** What a group with values keeps. */
export interface Keep {
  /** The most keys with a value: 1 to 10,000. @default 1000 */
  readonly maxKeys?: number | undefined
  /** The most bytes of all keys and values, as the log stores them. @default 1048576 */
  readonly maxBytes?: number | undefined
  /** How long the log keeps the values after the last change or read, in milliseconds. @default 86400000 */
  readonly ttlMs?: number | undefined
}

/** The defaults of {@link Keep}. */
export const keepDefaults: { readonly maxKeys: number; readonly maxBytes: number; readonly ttlMs: number } =
  Object.freeze({ maxKeys: 1000, maxBytes: 1_048_576, ttlMs: 86_400_000 })

/** The most keys that a group with values may keep. */
export const MAX_KEYS = 10_000
/** The most characters of a key. */
export const MAX_KEY_LENGTH = 256
/** The most entries that a history may keep. */
export const MAX_HISTORY_SIZE = 10_000
/** The most characters of the id of an event. */
export const MAX_ID_LENGTH = 64
/** The most replicas that a publish may wait for. */
export const MAX_REPLICAS = 1000
/** A follower that returns after this time, in milliseconds, is reset even if no event came. */
export const HEAD_TTL_MS = 86_400_000

/** How long a claim of a request lasts that its process does not extend, in milliseconds. */
export const CLAIM_TTL_MS = 10_000
/** How long the answer to a request is kept, in milliseconds. */
export const ANSWER_TTL_MS = 300_000

/** Options of `publish`. */
export interface PublishOptions {
  /**
   * Names the event: the same `id` again within 5 minutes is the same event. 1 to 64 characters. @default none
   */
  readonly id?: string | undefined
  /** Also waits until this number of replicas has the event. @default 0 */
  readonly replicas?: number | undefined
}

/** Options of `delete`. */
export interface DeleteOptions {
  /**
   * Changes the key only if this is its version; `null`: only if it has no value. @default none: always changes the key
   */
  readonly ifVersion?: string | null | undefined
}

/** Options of `set`. */
export interface SetValueOptions extends DeleteOptions {
  /** How long the key has the value, in milliseconds. @default none: until it is changed */
  readonly ttlMs?: number | undefined
}

/** Options of `history`. */
export interface HistoryOptions {
  /** How many of the newest entries to read. @default 100 */
  readonly last?: number | undefined
}

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value that is not a whole number over 0 */
export function resolveKeptGroupsOptions(options: KeptGroupsOptions): ResolvedKeptGroupsOptions {
  const all = { ...keptGroupsDefaults }
  for (const name of Object.keys(keptGroupsDefaults) as (keyof ResolvedKeptGroupsOptions)[]) {
    const value = options[name]
    if (value !== undefined) all[name] = requireWholeNumber(name, value, name.endsWith('Ms') ? MAX_TIMER_MS : Infinity)
  }
  return all
}

import { MAX_TIMER_MS, requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Options of presence. All processes need the same ones. */
export interface PresenceOptions {
  /** How often a process renews its lease and looks for dead processes, in milliseconds. @default 5000 */
  readonly beatMs?: number | undefined
  /**
   * How long the people of a process stay present after its last beat, in milliseconds: at least twice `beatMs`. @default 15000
   */
  readonly leaseMs?: number | undefined
  /**
   * How long a person whose last connection has closed stays present, in milliseconds. 0 removes the person at once. @default 10000
   */
  readonly graceMs?: number | undefined
  /** The time in which changes are collected before followers get them together, in milliseconds. @default 100 */
  readonly diffMs?: number | undefined
  /** The largest meta of a person as JSON, in bytes. @default 1024 */
  readonly maxMetaBytes?: number | undefined
  /** The most people of a group that the process holds. Of a larger group it holds the count. @default 10000 */
  readonly maxPeople?: number | undefined
  /** The most people in the list that a client gets. @default 200 */
  readonly listSize?: number | undefined
  /** The size of a group above which a client gets the count only, unless it asks for the list. @default 1000 */
  readonly listUpTo?: number | undefined
}

/** The options with their defaults. */
export type ResolvedPresenceOptions = Readonly<Record<keyof PresenceOptions, number>>

/** The defaults of {@link PresenceOptions}. */
export const presenceDefaults: ResolvedPresenceOptions = Object.freeze({
  beatMs: 5000,
  leaseMs: 15_000,
  graceMs: 10_000,
  diffMs: 100,
  maxMetaBytes: 1024,
  maxPeople: 10_000,
  listSize: 200,
  listUpTo: 1000,
})

/** The most characters of the key of a person. */
export const MAX_KEY_LENGTH = 128

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value out of its range */
export function resolvePresenceOptions(options: PresenceOptions = {}): ResolvedPresenceOptions {
  const all = { ...presenceDefaults }
  for (const name of Object.keys(presenceDefaults) as (keyof PresenceOptions)[]) {
    const value = options[name]
    if (value === undefined) continue
    const isTime = name.endsWith('Ms')
    all[name] = requireWholeNumber(
      `presence.${name}`,
      value,
      isTime ? MAX_TIMER_MS : Infinity,
      name === 'graceMs' ? 0 : 1,
    )
  }
  if (all.leaseMs >= 2 * all.beatMs) return all
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `presence.leaseMs must be at least twice presence.beatMs, which is ${all.beatMs}, not ${all.leaseMs}.`,
  )
}

import type { Machine } from '../src/results.ts'
import type { Counts } from './ledger.ts'

/** The results of the bench of loss, as written to `results/`. */
export interface LossResults {
  readonly kind: 'loss'
  readonly date: string
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly tables: readonly LossTable[]
}

/** One scenario and all servers that were measured in it. */
export interface LossTable {
  readonly scenario: ScenarioName
  readonly command: string
  readonly settings: LossSettings
  readonly rows: readonly LossRow[]
  readonly skipped: readonly { readonly what: string; readonly reason: string }[]
}

export type ScenarioName = 'jitter' | 'crash' | 'avalanche'

/** How a scenario is run. */
export interface LossSettings {
  readonly clients: number
  readonly roomSize: number
  /** Messages per room while the faults happen. */
  readonly messages: number
  /** Messages of a room per second. */
  readonly rate: number
  /** Seconds of messages before the first fault. */
  readonly calmSeconds: number
  readonly everySeconds: number
  readonly awaySeconds: number
  readonly shards: number
}

/** The figures of one server. */
export interface LossRow {
  readonly name: string
  readonly counts: Counts
  readonly returns: number
  readonly neverBack: number
  readonly ignored: number
  readonly catchUpMs: Percentiles | undefined
  readonly openMs: Percentiles | undefined
  /** The longest time without a message: of the median client, and of all. */
  readonly silenceMs: { readonly p50: number; readonly max: number }
  /** Of the servers, above that of the calm time. Only where clients return all the time. */
  readonly cpuUsPerReturn?: number
  readonly redisCommandsPerReturn?: number
  /** The busiest second of all servers together, of one processor. */
  readonly peakBusy: number
  readonly loadBusy: number
  readonly loopDelayP99Ms: number
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

import type { DurationFigures, ServerStats } from '../observe/server-stats.ts'

/** The labels of one value of a metric. */
export type Labels = Readonly<Record<string, string>>

/** One metric: its name, and how its values are read from the statistics of a server. */
export interface Metric {
  /** Without the prefix. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly labelNames?: readonly string[]
  read(stats: ServerStats): Iterable<readonly [labels: Labels, value: number]>
}

/** A histogram of durations. In Prometheus its unit is the second. */
export interface DurationMetric {
  /** Without the prefix. */
  readonly name: string
  readonly help: string
  read(stats: ServerStats): Iterable<readonly [labels: Labels, durations: DurationFigures]>
}

import type { Registry } from 'prom-client'
import type { DurationFigures, ServerStats } from '../observe/server-stats.ts'
import { keptGroupDurations } from './kept-group-metrics.ts'
import { metrics } from './metric-table.ts'
import type { Labels } from './metric.ts'
import type { PromClient } from './prom-client.ts'

/**
 * Registers the metrics of a server, whose figures are read at each scrape. It is not in the file of the public function, whose types
 * must also work without prom-client.
 */
export function collectMetrics(
  { Counter, Gauge }: PromClient,
  server: { stats(): ServerStats },
  registry: Registry,
  prefix = 'tideway_',
): void {
  const statsOf = sharedWithinTick(() => server.stats())
  for (const { name, help, type, labelNames = [], read } of metrics) {
    // An empty list, since the default is the registry of the process. The metric is registered below.
    const options = { name: prefix + name, help, labelNames, registers: [] }
    const metric =
      type === 'gauge'
        ? new Gauge({
            ...options,
            collect() {
              this.reset()
              for (const [labels, value] of read(statsOf())) this.set(labels, value)
            },
          })
        : new Counter({
            ...options,
            collect() {
              // A counter of prom-client can only be incremented. The server has counted already.
              this.reset()
              for (const [labels, value] of read(statsOf())) this.inc(labels, value)
            },
          })
    registry.registerMetric(metric)
  }
  for (const { name, help, read } of keptGroupDurations) {
    const fullName = prefix + name
    // A histogram of prom-client can only observe one value after another. The server has counted already.
    const metric = {
      name: fullName,
      help,
      type: 'histogram',
      aggregator: 'sum',
      async get() {
        const values = [...read(statsOf())].flatMap(([labels, durations]) => seriesOf(fullName, labels, durations))
        return { name: fullName, help, type: 'histogram', aggregator: 'sum', values }
      },
    }
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0])
  }
}

const MS_PER_SECOND = 1000

/** The series of one histogram. */
function seriesOf(name: string, labels: Labels, { buckets, count, sumMs }: DurationFigures): object[] {
  const bounds = [...buckets.map(([mostMs, upTo]) => [mostMs / MS_PER_SECOND, upTo] as const), ['+Inf', count] as const]
  return [
    ...bounds.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value })),
    { metricName: `${name}_sum`, labels, value: sumMs / MS_PER_SECOND },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

/** Makes one object for all metrics of one scrape, which are read in the same tick. */
function sharedWithinTick<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    if (made === undefined) {
      made = { value: make() }
      setImmediate(() => {
        made = undefined
      })
    }
    return made.value
  }
}

import type { Registry } from 'prom-client'
import type { ServerStats } from '../observe/server-stats.ts'
import { metrics } from './metric-table.ts'
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

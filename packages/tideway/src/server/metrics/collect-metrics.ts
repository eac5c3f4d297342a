import type { Registry } from 'prom-client'
import type { ServerStats } from '../observe/server-stats.ts'
import { metrics } from './metric-table.ts'
import type { PromClient } from './prom-client.ts'

/**
 * Lets a registry read the figures of a server whenever it is asked. Not in the file of the public function: who has no
 * prom-client has no types of it.
 */
export function collectMetrics(
  { Counter, Gauge }: PromClient,
  server: { stats(): ServerStats },
  registry: Registry,
  prefix = 'tideway_',
): void {
  const statsOf = sharedWithinTick(() => server.stats())
  for (const { name, help, type, labelNames = [], read } of metrics) {
    // Registered by hand, since one that is made for no registry goes into that of the process.
    const own = { name: prefix + name, help, labelNames, registers: [] }
    const metric =
      type === 'gauge'
        ? new Gauge({
            ...own,
            collect() {
              this.reset()
              for (const [labels, value] of read(statsOf())) this.set(labels, value)
            },
          })
        : new Counter({
            ...own,
            collect() {
              // A counter of prom-client can only be counted up. Ours has counted already.
              this.reset()
              for (const [labels, value] of read(statsOf())) this.inc(labels, value)
            },
          })
    registry.registerMetric(metric)
  }
}

/** All metrics of one scrape are read in one turn, from one object. */
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

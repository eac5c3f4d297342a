import type { Registry } from 'prom-client'
import type { ServerStats } from '../observe/server-stats.ts'
import { collectMetrics } from './collect-metrics.ts'
import { loadPromClient } from './prom-client.ts'

/** What is needed of a `Registry` of prom-client, so that who has none needs no types of it. */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: unknown): void
}

/** What tells of itself: a server of `serve()`, or what `attach()` gives. */
export interface WithStats {
  /** The counts of the moment. */
  stats(): ServerStats
}

/** How the metrics of a server are called. */
export interface RegisterMetricsOptions {
  /** What all names begin with; two servers in one registry need two. @default 'tideway_' */
  readonly prefix?: string | undefined
}

/**
 * Puts the metrics of a server into a `Registry` of prom-client that exists, for a program that serves its own. What they are
 * is read from `server.stats()` whenever the registry is asked.
 * @throws TidewayError `ERR_MISSING_PACKAGE` without prom-client
 * @example await registerMetrics(server, register)
 */
export async function registerMetrics(
  server: WithStats,
  registry: MetricsRegistry,
  options: RegisterMetricsOptions = {},
): Promise<void> {
  const prom = await loadPromClient()
  collectMetrics(prom, server, registry as unknown as Registry, options.prefix)
}

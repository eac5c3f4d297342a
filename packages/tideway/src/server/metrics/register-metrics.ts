import type { Registry } from 'prom-client'
import type { ServerStats } from '../observe/server-stats.ts'
import { collectMetrics } from './collect-metrics.ts'
import { loadPromClient } from './prom-client.ts'

/** The subset of prom-client's `Registry` that is needed here, so that these types also work without prom-client. */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: unknown): void
}

/** An object with statistics: a server of `serve()`, or an attachment of `attach()`. */
export interface WithStats {
  /** Returns the current statistics. */
  stats(): ServerStats
}

/** Options of {@link registerMetrics}. */
export interface RegisterMetricsOptions {
  /** The prefix of all metric names. Two servers in one registry need two prefixes. @default 'tideway_' */
  readonly prefix?: string | undefined
}

/**
 * Adds the metrics of a server to an existing `Registry` of prom-client, for a program that serves its own metrics. Each scrape reads
 * `server.stats()`.
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

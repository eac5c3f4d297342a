import { consoleLogger, type Logger } from '../../asgi/logger.ts'
import { DEFAULT_METRICS_HOST } from './metrics-options.ts'
import { serveOperations, type Operations, type OperationsServer } from './operations-server.ts'
import { loadPromClient } from './prom-client.ts'
import { WorkerFigures } from './worker-figures.ts'

/** Options of {@link serveClusterMetrics}. */
export interface ClusterMetricsOptions {
  /** 0 for any free port. */
  readonly port: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default the console */
  readonly logger?: Logger
}

/**
 * Serves metrics in the primary of `node:cluster` for all workers that serve with `metricsPort`: `/metrics` has the sums of the
 * listening workers, `/readyz` is 200 while one of them accepts connections. Call it before the workers are forked.
 * @throws TidewayError `ERR_MISSING_PACKAGE`, `ERR_CANNOT_LISTEN`
 */
export async function serveClusterMetrics({
  port,
  host = DEFAULT_METRICS_HOST,
  logger = consoleLogger,
}: ClusterMetricsOptions): Promise<OperationsServer> {
  const { AggregatorRegistry } = await loadPromClient()
  const workers = new WorkerFigures()
  const operations: Operations = {
    async metrics() {
      const registry = AggregatorRegistry.aggregate(await workers.metrics())
      return { text: await registry.metrics(), contentType: registry.contentType }
    },
    isReady: () => workers.areReady(),
    failed: (error) => logger.error({ err: error }, 'The metrics of the workers could not be read'),
  }
  try {
    const { url, close } = await serveOperations(host, port, operations)
    return {
      url,
      async close() {
        workers.stop()
        await close()
      },
    }
  } catch (error) {
    workers.stop()
    throw error
  }
}

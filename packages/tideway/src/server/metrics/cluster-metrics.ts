import cluster, { type Worker } from 'node:cluster'
import { consoleLogger, type Logger } from '../../asgi/logger.ts'
import { DEFAULT_METRICS_HOST } from './metrics-options.ts'
import { serveOperations, type OperationsServer } from './operations-server.ts'
import { loadPromClient } from './prom-client.ts'

/** How the primary of a cluster answers for its workers. */
export interface ClusterMetricsOptions {
  /** 0 for a free one. */
  readonly port: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default the console */
  readonly logger?: Logger
}

/**
 * Answers in the primary of `node:cluster` for all workers, each of which serves with `metricsPort`: `/metrics` has the sums of
 * what they say, `/readyz` is 200 while one of them listens. Call it before the workers are forked.
 * @throws TidewayError `ERR_MISSING_PACKAGE`, `ERR_CANNOT_LISTEN`
 */
export async function serveClusterMetrics({
  port,
  host = DEFAULT_METRICS_HOST,
  logger = consoleLogger,
}: ClusterMetricsOptions): Promise<OperationsServer> {
  const prom = await loadPromClient()
  const registry = new prom.AggregatorRegistry()
  const listening = new Set<Worker>()
  const onListening = (worker: Worker): void => void listening.add(worker)
  const onGone = (worker: Worker): void => void listening.delete(worker)
  cluster.on('listening', onListening).on('disconnect', onGone).on('exit', onGone)
  const stopListening = (): void => {
    cluster.off('listening', onListening).off('disconnect', onGone).off('exit', onGone)
  }
  try {
    const server = await serveOperations(host, port, {
      // A worker that does not answer fails all of them after five seconds: half of a sum would be taken for a fall.
      metrics: async () => ({ text: await registry.clusterMetrics(), contentType: registry.contentType }),
      get isReady() {
        return listening.size > 0
      },
      failed: (error) => logger.error({ err: error }, 'The metrics of the workers could not be read'),
    })
    return {
      url: server.url,
      async close() {
        stopListening()
        await server.close()
      },
    }
  } catch (error) {
    stopListening()
    throw error
  }
}

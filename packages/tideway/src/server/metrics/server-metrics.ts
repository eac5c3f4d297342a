import cluster from 'node:cluster'
import type { Logger } from '../../asgi/logger.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { collectMetrics } from './collect-metrics.ts'
import { DEFAULT_METRICS_HOST, type MetricsOptions } from './metrics-options.ts'
import { serveOperations, type Operations } from './operations-server.ts'
import { loadPromClient } from './prom-client.ts'
import type { WithStats } from './register-metrics.ts'
import { answerPrimary } from './worker-figures.ts'

/** The subset of an inspector that the port needs. */
interface InspectedPages {
  ready(server: WithStats): void
  handle: NonNullable<Operations['answerOther']>
}

/** The metrics of a server from its start to its end. */
export interface ServerMetrics {
  /** `undefined` in a worker of `node:cluster`, whose primary serves the metrics. */
  readonly url: string | undefined
  readonly inspectorUrl: string | undefined
  /** Called when the server accepts connections. */
  ready(server: WithStats): void
  close(): Promise<void>
}

/**
 * Starts to serve the metrics of a starting server. Resolves with `undefined` without `metricsPort`.
 * @throws TidewayError `ERR_MISSING_PACKAGE`, `ERR_CANNOT_LISTEN`, `ERR_BAD_OPTION`
 */
export async function startMetrics(
  { metricsPort = false, metricsHost = DEFAULT_METRICS_HOST }: MetricsOptions,
  logger: Logger,
  inspector: InspectedPages | undefined,
): Promise<ServerMetrics | undefined> {
  if (metricsPort === false) {
    if (inspector === undefined) return undefined
    throw new TidewayError('ERR_BAD_OPTION', 'inspectorToken needs metricsPort: the inspector is a page on that port.')
  }
  if (!Number.isInteger(metricsPort) || metricsPort < 0 || metricsPort > 65_535) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `metricsPort must be a port from 0 to 65535, or false, not ${metricsPort}.`,
    )
  }
  const prom = await loadPromClient()
  const registry = new prom.Registry()
  prom.collectDefaultMetrics({ register: registry })
  let running: WithStats | undefined
  const isReady = (): boolean => running?.stats().state === 'serving'
  const close = cluster.isWorker ? answerPrimary({ metrics: () => registry.getMetricsAsJSON(), isReady }) : undefined
  const operations =
    close === undefined || inspector !== undefined
      ? await serveOperations(metricsHost, close === undefined ? metricsPort : 'own', {
          metrics: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
          isReady,
          failed: (error) => logger.error({ err: error }, 'The metrics could not be read'),
          ...(inspector !== undefined && { answerOther: (...call) => inspector.handle(...call) }),
        })
      : undefined
  return {
    url: close === undefined ? operations?.url : undefined,
    inspectorUrl: inspector && `${operations!.url}/inspector`,
    ready(server) {
      running = server
      inspector?.ready(server)
      collectMetrics(prom, server, registry)
    },
    async close() {
      close?.()
      await operations?.close()
      // prom-client keeps its observer of the garbage collector until the process ends.
      registry.clear()
    },
  }
}

/** Where operators see what a server does. */
export interface MetricsOptions {
  /**
   * A port of its own for `/metrics` (Prometheus, by the package prom-client), `/healthz` and `/readyz`; 0 for a free one. In a
   * worker of `node:cluster` nothing listens there: the primary asks the workers, see `serveClusterMetrics`.
   * @default false
   */
  readonly metricsPort?: number | false
  /** Where that port is listened on: who reaches it sees everything. @default '127.0.0.1' */
  readonly metricsHost?: string
}

/** The default of {@link MetricsOptions.metricsHost}. */
export const DEFAULT_METRICS_HOST = '127.0.0.1'

/** The options of the metrics port. */
export interface MetricsOptions {
  /**
   * A separate port for `/metrics` (Prometheus, by the package prom-client), `/healthz` and `/readyz`; 0 for any free one. A worker of
   * `node:cluster` does not listen on it: the primary collects the metrics of the workers, see `serveClusterMetrics`.
   * @default false
   */
  readonly metricsPort?: number | false
  /** The address of that port. Every client that can reach it can read all metrics. @default '127.0.0.1' */
  readonly metricsHost?: string
}

/** The default of {@link MetricsOptions.metricsHost}. */
export const DEFAULT_METRICS_HOST = '127.0.0.1'

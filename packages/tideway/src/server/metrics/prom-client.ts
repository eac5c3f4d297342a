import { TidewayError } from '../../errors/tideway-error.ts'

/** The module `prom-client`. */
export type PromClient = typeof import('prom-client')

/** Loads `prom-client`, which only a server with metrics needs. @throws TidewayError `ERR_MISSING_PACKAGE` */
export async function loadPromClient(): Promise<PromClient> {
  return import('prom-client').catch((cause: unknown) => {
    throw new TidewayError(
      'ERR_MISSING_PACKAGE',
      'Metrics for Prometheus need the package prom-client: run "npm install prom-client", or remove metricsPort.',
      { cause },
    )
  })
}

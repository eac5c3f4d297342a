import { TidewayError } from '../../errors/tideway-error.ts'

/** What there is of `prom-client`. */
export type PromClient = typeof import('prom-client')

/** Loads `prom-client`, which only servers with metrics need. @throws TidewayError `ERR_MISSING_PACKAGE` */
export async function loadPromClient(): Promise<PromClient> {
  return import('prom-client').catch((cause: unknown) => {
    throw new TidewayError(
      'ERR_MISSING_PACKAGE',
      'Metrics for Prometheus need the package prom-client: "npm install prom-client", or leave out metricsPort.',
      { cause },
    )
  })
}

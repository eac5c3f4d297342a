import { TidewayError } from '../errors/tideway-error.ts'

/**
 * Something that the answer depends on (a session store, a database of users) does not answer. The server answers a
 * handshake or a request that ends with it with status 503, so that an outage never looks like an anonymous visitor.
 */
export class ServiceUnavailableError extends TidewayError {
  override readonly name: string = 'ServiceUnavailableError'
  /** What the server answers: 503 Service Unavailable (RFC 9110 §15.6.4). */
  readonly status: number = 503

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERVICE_UNAVAILABLE', message, options)
  }
}

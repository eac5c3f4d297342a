import { TidewayError } from '../errors/tideway-error.ts'

/**
 * A dependency of the response, such as a session store or a database of users, is unavailable. The server answers a handshake or
 * a request that ends with this error with status 503, so that an outage never looks like an anonymous visitor.
 */
export class ServiceUnavailableError extends TidewayError {
  override readonly name: string = 'ServiceUnavailableError'
  /** The status of the response: 503 Service Unavailable (RFC 9110 §15.6.4). */
  readonly status: number = 503

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SERVICE_UNAVAILABLE', message, options)
  }
}

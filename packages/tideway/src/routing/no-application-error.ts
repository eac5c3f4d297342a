import { TidewayError } from '../errors/tideway-error.ts'

/**
 * A router has no application for what it was called with. A request or handshake that ends with it is answered with 404,
 * and is no fault to report: anybody can send HTTP to a site that has WebSockets only.
 */
export class NoApplicationError extends TidewayError {
  override readonly name = 'NoApplicationError'
  /** What the server answers: 404 Not Found (RFC 9110 §15.5.5). */
  readonly status = 404

  constructor(message: string) {
    super('ERR_NO_APPLICATION', message)
  }
}

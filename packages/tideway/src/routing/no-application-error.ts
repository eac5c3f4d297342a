import { TidewayError } from '../errors/tideway-error.ts'

/**
 * A router has no application for a scope. The server answers the request or handshake with 404 and does not report it: any
 * client can send HTTP to a site that only has WebSockets.
 */
export class NoApplicationError extends TidewayError {
  override readonly name = 'NoApplicationError'
  /** The status of the answer: 404 Not Found (RFC 9110 §15.5.5). */
  readonly status = 404

  constructor(message: string) {
    super('ERR_NO_APPLICATION', message)
  }
}

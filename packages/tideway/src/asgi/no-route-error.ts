import { TidewayError } from '../errors/tideway-error.ts'

/**
 * No route leads anywhere from this path. The server answers the request or handshake with 404, and a debug line
 * instead of a report: anybody can ask for a path that does not exist. An application may throw it too.
 */
export class NoRouteError extends TidewayError {
  override readonly name: string = 'NoRouteError'
  /** What the server answers: 404 Not Found (RFC 9110 §15.5.5). */
  readonly status: number = 404
  /** The path that no route matched. */
  readonly path: string

  constructor(path: string, message: string = `No route matches the path ${JSON.stringify(path)}.`) {
    super('ERR_NO_ROUTE', message)
    this.path = path
  }
}

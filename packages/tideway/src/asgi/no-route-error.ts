import { TidewayError } from '../errors/tideway-error.ts'

/**
 * No route matches this path. The server answers the request or handshake with 404. It logs a debug line instead of an error,
 * since a client can ask for any path; for a handshake outside production a warning. Applications may throw it too.
 */
export class NoRouteError extends TidewayError {
  override readonly name: string = 'NoRouteError'
  /** The status of the response: 404 Not Found (RFC 9110 §15.5.5). */
  readonly status: number = 404
  /** The path that no route matched. */
  readonly path: string

  readonly #suggest: (() => string | undefined) | undefined

  /** @param suggest makes {@link suggestion}, when it is read */
  constructor(
    path: string,
    message: string = `No route matches the path ${JSON.stringify(path)}.`,
    suggest?: () => string | undefined,
  ) {
    super('ERR_NO_ROUTE', message)
    this.path = path
    this.#suggest = suggest
  }

  /** The route that was probably meant, as a sentence; `undefined` if no route is similar. */
  get suggestion(): string | undefined {
    return this.#suggest?.()
  }
}

import { TidewayError } from '../errors/tideway-error.ts'

/**
 * A session was destroyed before `save()`, for example by a logout in another tab. Saving it would restore it, so nothing is
 * written.
 */
export class SessionGoneError extends TidewayError {
  override readonly name: string = 'SessionGoneError'
  /** The status of the server's response: 400 Bad Request. */
  readonly status: number = 400

  constructor() {
    super(
      'ERR_SESSION_GONE',
      'The session was destroyed before its changes were saved: the person has logged out elsewhere, or it has expired. Close the connection.',
    )
  }
}

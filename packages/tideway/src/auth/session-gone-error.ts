import { TidewayError } from '../errors/tideway-error.ts'

/**
 * A session was to be saved that has been destroyed meanwhile, by a logout in another tab for instance. Saving it would
 * bring it back, so nothing was written.
 */
export class SessionGoneError extends TidewayError {
  override readonly name: string = 'SessionGoneError'
  /** What the server answers: 400 Bad Request. */
  readonly status: number = 400

  constructor() {
    super(
      'ERR_SESSION_GONE',
      'The session was destroyed before its changes were saved: the person has logged out elsewhere, or it has expired. Close the connection.',
    )
  }
}

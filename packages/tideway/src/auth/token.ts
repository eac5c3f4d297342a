import { TidewayError } from '../errors/tideway-error.ts'

/** A token that has been verified. */
export interface VerifiedToken {
  /** The id of the user: the claim `sub` of a JWT. */
  readonly subject: string | number
  /** When it ends, in milliseconds since 1970; `undefined` for one that does not say. */
  readonly expiresAt: number | undefined
  /** What else it says. It came from outside the program, though from one that is trusted: check it before use. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Verifies a token. Rejects with an {@link InvalidTokenError} for one that is forged, expired or meant for somebody else, and with a
 * `ServiceUnavailableError` when it cannot tell.
 */
export type TokenVerifier = (token: string) => Promise<VerifiedToken>

/** A token is forged, truncated, too large, expired or meant for somebody else. The `cause` says which; the client is not told. */
export class InvalidTokenError extends TidewayError {
  override readonly name: string = 'InvalidTokenError'
  /** What the server answers: 401 Unauthorized (RFC 9110 §15.5.2). */
  readonly status: number = 401

  constructor(options?: ErrorOptions) {
    super('ERR_INVALID_TOKEN', 'The token is not valid: get a new one and try again.', options)
  }
}

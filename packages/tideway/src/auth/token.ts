import { TidewayError } from '../errors/tideway-error.ts'

/** A token that has been verified. */
export interface VerifiedToken {
  /** The id of the user: the claim `sub` of a JWT. */
  readonly subject: string | number
  /** The expiry, in milliseconds since 1970; `undefined` if the token has none. */
  readonly expiresAt: number | undefined
  /** All claims of the token. They come from outside the program: check them before use. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Verifies a token. Rejects with an {@link InvalidTokenError} if the token is forged, expired or meant for another service, and with a
 * `ServiceUnavailableError` if it cannot be verified now.
 */
export type TokenVerifier = (token: string) => Promise<VerifiedToken>

/** A token is forged, truncated, too large, expired or meant for another service. The `cause` has the reason; the client does not get it. */
export class InvalidTokenError extends TidewayError {
  override readonly name: string = 'InvalidTokenError'
  /** The status of the server's response: 401 Unauthorized (RFC 9110 §15.5.2). */
  readonly status: number = 401

  constructor(options?: ErrorOptions) {
    super('ERR_INVALID_TOKEN', 'The token is not valid: get a new one and try again.', options)
  }
}

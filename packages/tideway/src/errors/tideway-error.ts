import type { ErrorCode } from './codes.ts'

/**
 * The base of every error that tideway throws. `code` is one of {@link ErrorCode} and never changes its meaning;
 * the message says what happened and what to do, and may change.
 */
export class TidewayError extends Error {
  override readonly name: string = 'TidewayError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

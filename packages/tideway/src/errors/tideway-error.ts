import type { ErrorCode } from './codes.ts'

/**
 * The base class of all errors of tideway. `code` is one of {@link ErrorCode} and keeps its meaning. The message describes the
 * problem and the remedy, and may change.
 */
export class TidewayError extends Error {
  override readonly name: string = 'TidewayError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

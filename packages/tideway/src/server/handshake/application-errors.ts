import { STATUS_CODES } from 'node:http'
import { httpStatusOf } from '../../asgi/http-status.ts'
import { isProduction } from '../../asgi/is-production.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/** The response to an application's error. */
export interface ErrorAnswer {
  readonly status: number
  readonly message: string
}

/**
 * Returns the response for an application that threw before it responded: the status of the error, or 500. The client gets the
 * message of the error with a 4xx status only: the message of a 5xx error is for operators.
 */
export function errorAnswer(error: unknown): ErrorAnswer {
  const status = httpStatusOf(error) ?? 500
  // Its message tells the developer what to add, and is not for visitors.
  if (isProduction() && error instanceof TidewayError && error.code === 'ERR_NO_APPLICATION') {
    return { status, message: 'Not Found' }
  }
  return { status, message: status < 500 ? (error as Error).message : (STATUS_CODES[status] ?? 'Server Error') }
}

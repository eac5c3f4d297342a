import { STATUS_CODES } from 'node:http'
import { httpStatusOf } from '../../asgi/http-status.ts'
import { isProduction } from '../../asgi/is-production.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/** What a client is told of an application's error. */
export interface ErrorAnswer {
  readonly status: number
  readonly message: string
}

/**
 * What to answer for an application that threw before it answered: the status that the error asks for, else 500. The
 * message of the error goes out with a status of the client's own making (4xx) only: with 5xx it is written for operators.
 */
export function errorAnswer(error: unknown): ErrorAnswer {
  const status = httpStatusOf(error) ?? 500
  // Its message says what the developer has to add, which is not for visitors.
  if (isProduction() && error instanceof TidewayError && error.code === 'ERR_NO_APPLICATION') {
    return { status, message: 'Not Found' }
  }
  return { status, message: status < 500 ? (error as Error).message : (STATUS_CODES[status] ?? 'Server Error') }
}

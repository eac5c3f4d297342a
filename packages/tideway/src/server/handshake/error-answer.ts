import { STATUS_CODES } from 'node:http'
import { httpStatusOf } from '../../asgi/http-status.ts'

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
  return { status, message: status < 500 ? (error as Error).message : (STATUS_CODES[status] ?? 'Server Error') }
}

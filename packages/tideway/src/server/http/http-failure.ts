import type { IncomingMessage, ServerResponse } from 'node:http'
import { hiddenField } from '../../errors/hidden-field.ts'
import { httpStatusOf } from '../../asgi/http-status.ts'
import type { Logger } from '../../asgi/logger.ts'
import { redactTarget } from '../../asgi/redact-query.ts'
import { errorAnswer } from '../handshake/application-errors.ts'
import { respondText } from './plain-responses.ts'

/** Where failures are reported. */
export interface ReportOptions {
  readonly logger: Logger
  /** More names of query parameters whose values are redacted. */
  readonly secretQueryNames: readonly string[]
}

type FailureListener = (error: unknown) => void

const listeners = hiddenField<IncomingMessage, FailureListener>()

/** Calls the listener with the error that the application throws on the request. One listener per request. */
export function onFailure(request: IncomingMessage, listener: FailureListener): void {
  listeners.set(request, listener)
}

/** Reports the error of an application on a request. An error with a 4xx status, which any client can cause, is a debug line. */
export function reportFailure(options: ReportOptions, request: IncomingMessage, error: unknown): void {
  const { logger, secretQueryNames } = options
  const path = redactTarget(request.url!, secretQueryNames)
  listeners.get(request)?.(error)
  const status = httpStatusOf(error)
  if (status !== undefined && status < 500) logger.debug({ path }, (error as Error).message)
  else logger.error({ err: error, path }, 'The application failed on an HTTP request')
}

/** Responds for an application that threw. Destroys a response that has started: the client must not take a part for the whole. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  // An error after a whole response does not concern the client.
  if (response.writableEnded) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, message } = errorAnswer(error)
  // Removes headers of the response that is not sent, such as its length or its cookies.
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  respondText(response, status, message)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { httpStatusOf } from '../../asgi/http-status.ts'
import type { Logger } from '../../asgi/logger.ts'
import { redactTarget } from '../../asgi/redact-query.ts'
import { errorAnswer } from '../handshake/error-answer.ts'
import { answerPlainly } from './plain-answer.ts'

/** Where failures are reported. */
export interface ReportOptions {
  readonly logger: Logger
  /** More names of query parameters whose values are left out. */
  readonly secretQueryNames: readonly string[]
}

type FailureListener = (error: unknown) => void

const listeners = new WeakMap<IncomingMessage, FailureListener>()

/** Calls the listener with what the application throws on the request. One a request. */
export function onFailure(request: IncomingMessage, listener: FailureListener): void {
  listeners.set(request, listener)
}

/** Reports what an application threw on a request. A fault of the client, which anybody can cause, is a debug line. */
export function reportFailure(options: ReportOptions, request: IncomingMessage, error: unknown): void {
  const { logger, secretQueryNames } = options
  const path = redactTarget(request.url!, secretQueryNames)
  listeners.get(request)?.(error)
  const status = httpStatusOf(error)
  if (status !== undefined && status < 500) logger.debug({ path }, (error as Error).message)
  else logger.error({ err: error, path }, 'The application failed on an HTTP request')
}

/** Answers for an application that threw, or cuts a response that is on its way: half of it must not pass for the whole. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  // What goes wrong behind a whole response is nothing to the client.
  if (response.writableEnded) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, message } = errorAnswer(error)
  // Headers of an answer that is not given, such as its length or its cookies.
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  answerPlainly(response, status, message)
}

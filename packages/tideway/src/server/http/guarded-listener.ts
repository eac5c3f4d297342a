import type { IncomingMessage, ServerResponse } from 'node:http'
import { readableError } from '../../errors/readable-error.ts'
import type { NodeListener } from './node-listener.ts'
import { answerFailure, reportFailure, type ReportOptions } from './http-failure.ts'

/** Wraps a listener so that its errors and rejections are reported and answered, and do not end the process. */
export function guardedListener(listener: NodeListener, options: ReportOptions): NodeListener {
  const failed = (thrown: unknown, request: IncomingMessage, response: ServerResponse): void => {
    const error = readableError(thrown)
    reportFailure(options, request, error)
    answerFailure(response, error)
  }
  return (request, response) => {
    try {
      const result = listener(request, response)
      if (result instanceof Promise) result.catch((error: unknown) => failed(error, request, response))
    } catch (error) {
      failed(error, request, response)
    }
  }
}

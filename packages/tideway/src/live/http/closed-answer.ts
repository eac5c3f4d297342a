import { BAD_FRAME_CODE } from '../frames.ts'
import { closeCodes } from '../../asgi/close-codes.ts'
import type { HttpResponse } from './http-response.ts'

/** The statuses of close codes. */
const statuses: Readonly<Record<number, number>> = {
  [BAD_FRAME_CODE]: 400,
  4401: 401,
  [closeCodes.policyViolation]: 429,
  [closeCodes.internalError]: 500,
  [closeCodes.serviceRestart]: 503,
  [closeCodes.tryAgainLater]: 503,
}

const RETRY_AFTER_SECONDS = 1

/** The answer to a poll or to requests whose connection the application has closed: the close, as JSON. */
export function answerClosed(response: HttpResponse, code: number, reason: string): void {
  const status = statuses[code] ?? 403
  const headers: [string, string][] = [['Content-Type', 'application/json']]
  if (status === 429 || status === 503) headers.push(['Retry-After', String(RETRY_AFTER_SECONDS)])
  response.answer(status, headers, JSON.stringify({ code, reason }))
}

import { TidewayError } from '../errors/tideway-error.ts'
import { MAX_TIMER_MS } from '../errors/option-checks.ts'
import type { TaskRepeat } from './task-backend.ts'

/** Calls `run` at a time, however distant. @returns a function that cancels the call */
export function wakeAt(time: number, run: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const left = time - Date.now()
    timer = setTimeout(left > MAX_TIMER_MS ? arm : run, Math.min(Math.max(left, 0), MAX_TIMER_MS))
  }
  arm()
  return () => clearTimeout(timer)
}

/**
 * Returns a function that computes the next time of a schedule after a time, or its first time.
 * @throws TidewayError `ERR_BAD_OPTION` for a bad pattern or time zone, `ERR_MISSING_PACKAGE` without cron-parser
 */
export async function makeClock({ everyMs, pattern, tz }: TaskRepeat): Promise<(after: number | undefined) => number> {
  if (everyMs !== undefined) return (after) => (after === undefined ? Date.now() : after + everyMs)
  const { CronExpressionParser } = await import('cron-parser').catch((cause: unknown) => {
    throw new TidewayError(
      'ERR_MISSING_PACKAGE',
      'A task that repeats by a pattern needs the package cron-parser, which comes with bullmq: "npm install cron-parser".',
      { cause },
    )
  })
  const next = (after: number): number =>
    CronExpressionParser.parse(pattern, { currentDate: new Date(after), ...(tz === undefined ? {} : { tz }) })
      .next()
      .getTime()
  requireTimeZone(tz)
  try {
    next(Date.now())
  } catch (cause) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `repeat.pattern ${JSON.stringify(pattern)} is not a cron pattern: ${(cause as Error).message}`,
      { cause },
    )
  }
  return (after) => next(after ?? Date.now())
}

/** Checks the time zone first, because cron-parser reports an unknown one as a bad date. */
function requireTimeZone(tz: string | undefined): void {
  try {
    new Date().toLocaleString('en', { timeZone: tz })
  } catch (cause) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `repeat.tz ${JSON.stringify(tz)} is not a time zone: write a name such as "Europe/Berlin" or "Asia/Seoul".`,
      { cause },
    )
  }
}

import { TidewayError } from '../errors/tideway-error.ts'
import { MAX_TIMER_MS } from './options.ts'
import type { TaskRepeat } from './task-backend.ts'

/** Runs it at the time, however far off. @returns what cancels it */
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
 * Returns when the schedule is due after a time, or for the first time.
 * @throws TidewayError `ERR_BAD_OPTION` for a bad pattern or time zone, `ERR_MISSING_PACKAGE` without cron-parser
 */
export async function makeClock({ every, pattern, tz }: TaskRepeat): Promise<(after: number | undefined) => number> {
  if (every !== undefined) return (after) => (after === undefined ? Date.now() : after + every)
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

/** cron-parser reports a time zone that does not exist as a bad date. */
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

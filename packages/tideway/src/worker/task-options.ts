import { TidewayError } from '../errors/tideway-error.ts'
import { isChannelName, isGroupName } from '../layer/names.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import type { EnqueueOptions, TaskRepeat } from './task-backend.ts'
import type { TaskBackoff, TaskOptions } from './task-definition.ts'

/** The highest number of a priority: that of BullMQ. */
const MAX_PRIORITY = 2_097_151

/** A year. */
const MAX_DELAY_MS = 366 * 24 * 60 * 60 * 1000

/** @throws TidewayError `ERR_BAD_OPTION` */
export function checkTaskOptions(task: string, options: TaskOptions): void {
  const { concurrency = 1, attempts = 1, backoff, rateLimit } = options
  requireWholeNumber(`concurrency of the task ${task}`, concurrency, 10_000)
  requireWholeNumber(`attempts of the task ${task}`, attempts)
  checkBackoff(backoff)
  if (rateLimit === undefined) return
  requireWholeNumber(`rateLimit.max of the task ${task}`, rateLimit.max)
  requireWholeNumber(`rateLimit.durationMs of the task ${task}`, rateLimit.durationMs)
}

/** @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_NAME` */
export function checkEnqueueOptions({
  delayMs,
  attempts,
  backoff,
  priority,
  jobId,
  repeat,
  notify,
}: EnqueueOptions): void {
  if (delayMs !== undefined) requireWholeNumber('delayMs', delayMs, MAX_DELAY_MS)
  if (attempts !== undefined) requireWholeNumber('attempts', attempts)
  checkBackoff(backoff)
  if (priority !== undefined) requireWholeNumber('priority', priority, MAX_PRIORITY)
  if (jobId !== undefined && (!/^[^:]{1,200}$/.test(jobId) || /^\d+$/.test(jobId))) {
    throw badOption(`jobId is 1 to 200 characters without ":", and not a plain number, not ${JSON.stringify(jobId)}`)
  }
  if (repeat !== undefined) checkRepeat(repeat, delayMs)
  if (notify === undefined) return
  if (notify.group === undefined ? isChannelName(notify.channel) : isGroupName(notify.group)) return
  throw new TidewayError(
    'ERR_BAD_NAME',
    'notify is { group } or { channel }, with a name that is valid for a channel layer.',
  )
}

function checkBackoff(backoff: TaskBackoff | undefined): void {
  if (backoff === undefined) return
  requireWholeNumber('backoff.delayMs', backoff.delayMs, MAX_DELAY_MS)
  if (backoff.type === 'fixed' || backoff.type === 'exponential') return
  throw badOption(`backoff.type is "fixed" or "exponential", not ${JSON.stringify(backoff.type)}`)
}

function checkRepeat({ everyMs, pattern, limit }: TaskRepeat, delayMs: number | undefined): void {
  if ((everyMs === undefined) === (pattern === undefined)) throw badOption('repeat has either "everyMs" or "pattern"')
  if (everyMs !== undefined) requireWholeNumber('repeat.everyMs', everyMs, MAX_DELAY_MS)
  if (limit !== undefined) requireWholeNumber('repeat.limit', limit)
  if (delayMs !== undefined) throw badOption('a job that repeats has no delayMs')
}

function badOption(what: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `Of enqueue: ${what}.`)
}

/** The wait after an attempt, in milliseconds, by the formula of BullMQ. @param attempt 1 for the first */
export function retryDelayMs(backoff: TaskBackoff | undefined, attempt: number): number {
  if (backoff === undefined) return 0
  return backoff.type === 'fixed' ? backoff.delayMs : backoff.delayMs * 2 ** (attempt - 1)
}

import { TidewayError } from '../errors/tideway-error.ts'
import { isChannelName, isGroupName } from '../layer/names.ts'
import { requirePositive } from './options.ts'
import type { EnqueueOptions, TaskRepeat } from './task-backend.ts'
import type { TaskBackoff, TaskOptions } from './task-definition.ts'

/** The highest number of a priority: that of BullMQ. */
const MAX_PRIORITY = 2_097_151

/** A year. */
const MAX_DELAY_MS = 366 * 24 * 60 * 60 * 1000

/** @throws TidewayError `ERR_BAD_OPTION` */
export function checkTaskOptions(task: string, options: TaskOptions): void {
  const { concurrency = 1, attempts = 1, backoff, rateLimit } = options
  requirePositive(`concurrency of the task ${task}`, concurrency, 10_000)
  requirePositive(`attempts of the task ${task}`, attempts)
  checkBackoff(backoff)
  if (rateLimit === undefined) return
  requirePositive(`rateLimit.max of the task ${task}`, rateLimit.max)
  requirePositive(`rateLimit.durationMs of the task ${task}`, rateLimit.durationMs)
}

/** @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_NAME` */
export function checkEnqueueOptions({
  delay,
  attempts,
  backoff,
  priority,
  jobId,
  repeat,
  notify,
}: EnqueueOptions): void {
  if (delay !== undefined) requirePositive('delay', delay, MAX_DELAY_MS)
  if (attempts !== undefined) requirePositive('attempts', attempts)
  checkBackoff(backoff)
  if (priority !== undefined) requirePositive('priority', priority, MAX_PRIORITY)
  if (jobId !== undefined && (!/^[^:]{1,200}$/.test(jobId) || /^\d+$/.test(jobId))) {
    throw badOption(`jobId is 1 to 200 characters without ":", and no mere number, not ${JSON.stringify(jobId)}`)
  }
  if (repeat !== undefined) checkRepeat(repeat, delay)
  if (notify === undefined) return
  if (notify.group === undefined ? isChannelName(notify.channel) : isGroupName(notify.group)) return
  throw new TidewayError(
    'ERR_BAD_NAME',
    'notify takes { group } or { channel }, with a name that a channel layer takes.',
  )
}

function checkBackoff(backoff: TaskBackoff | undefined): void {
  if (backoff === undefined || backoff === 0) return
  requirePositive('backoff', typeof backoff === 'number' ? backoff : backoff.delay, MAX_DELAY_MS)
  if (typeof backoff === 'number' || backoff.type === 'fixed' || backoff.type === 'exponential') return
  throw badOption(`backoff.type is "fixed" or "exponential", not ${JSON.stringify(backoff.type)}`)
}

function checkRepeat({ every, pattern, limit }: TaskRepeat, delay: number | undefined): void {
  if ((every === undefined) === (pattern === undefined)) throw badOption('repeat has either "every" or "pattern"')
  if (every !== undefined) requirePositive('repeat.every', every, MAX_DELAY_MS)
  if (limit !== undefined) requirePositive('repeat.limit', limit)
  if (delay !== undefined) throw badOption('a job that repeats takes no delay')
}

function badOption(what: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `Of enqueue: ${what}.`)
}

/** How long is waited after this attempt, the first being 1, in milliseconds: as BullMQ has it. */
export function retryDelayMs(backoff: TaskBackoff | undefined, attempt: number): number {
  if (backoff === undefined) return 0
  if (typeof backoff === 'number') return backoff
  return backoff.type === 'fixed' ? backoff.delay : backoff.delay * 2 ** (attempt - 1)
}

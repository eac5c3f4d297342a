import type * as bullMqModule from 'bullmq'
import type { Job, Worker } from 'bullmq'
import { TidewayError } from '../errors/tideway-error.ts'
import { connectionOf, RETRY_MS, type FullRedisTasksOptions, type RedisTasksSettings } from './redis-tasks-options.ts'
import type { TaskPayload, TaskRunner } from './task-backend.ts'
import type { ResolvedTask } from './task-runner.ts'

/** What the package exports. */
export type BullMq = typeof bullMqModule

/** What the workers of all tasks share. */
export interface TaskWorkerContext {
  readonly runner: TaskRunner
  readonly settings: RedisTasksSettings & FullRedisTasksOptions
  /** Aborts when jobs are left behind. */
  readonly leaving: AbortSignal
  readonly report: (error: unknown) => void
}

/** Runs the jobs of one task, once `run()` is called on it. */
export function makeTaskWorker(
  bullMq: BullMq,
  name: string,
  task: ResolvedTask,
  { runner, settings, leaving, report }: TaskWorkerContext,
): Worker {
  const { prefix, lockMs, maxDeaths, logger } = settings
  const run = async (job: Job<TaskPayload>, _token?: string, signal?: AbortSignal): Promise<void> => {
    try {
      await runner.run({
        task: name,
        id: job.id!,
        attempt: job.attemptsStarted,
        payload: job.data,
        signal: signal === undefined ? leaving : AbortSignal.any([leaving, signal]),
      })
    } catch (error) {
      if (!(error instanceof TidewayError) || error.code !== 'ERR_BAD_TASK_INPUT') throw asError(error)
      // What is refused now is refused the next time as well.
      throw Object.assign(new bullMq.UnrecoverableError(error.message), { cause: error })
    }
  }
  const { rateLimit } = task
  const worker = new bullMq.Worker<TaskPayload>(name, run, {
    connection: { ...connectionOf(settings), maxRetriesPerRequest: null },
    prefix,
    autorun: false,
    concurrency: task.concurrency ?? 1,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: maxDeaths,
    runRetryDelay: RETRY_MS,
    ...(rateLimit === undefined ? {} : { limiter: { max: rateLimit.max, duration: rateLimit.durationMs } }),
  })
  worker.on('error', (error) => report(error))
  worker.on('stalled', (id) => {
    logger.warn({ task: name, id }, `The worker of a job of ${name} has died, the job is run again`)
  })
  worker.on('failed', (job, error) => {
    // Without a time it is only this attempt that has failed.
    if (job?.finishedOn === undefined) {
      logger.warn({ err: error, task: name, id: job?.id }, `The task ${name} failed, and is tried again`)
    } else
      void runner.failed(
        { task: name, id: job.id!, payload: job.data },
        error.cause instanceof TidewayError ? error.cause : error,
      )
  })
  return worker
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}

import type * as bullMqModule from 'bullmq'
import type { Job, Worker } from 'bullmq'
import { TidewayError } from '../errors/tideway-error.ts'
import { connectionOf, RETRY_MS, type FullRedisTasksOptions, type RedisTasksSettings } from './redis-tasks-options.ts'
import type { TaskPayload, TaskRunner } from './task-backend.ts'
import type { ResolvedTask } from './task-runner.ts'

/** The exports of the package bullmq. */
export type BullMq = typeof bullMqModule

/** Shared by the workers of all tasks. */
export interface TaskWorkerContext {
  readonly runner: TaskRunner
  readonly settings: RedisTasksSettings & FullRedisTasksOptions
  /** Aborts if running jobs are abandoned. */
  readonly leaving: AbortSignal
  readonly report: (error: unknown) => void
}

/** Makes the BullMQ worker of one task; it starts with its `run()`. */
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
      // Invalid input is invalid in the next attempt too.
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
    logger.warn({ task: name, id }, `The worker of a job of ${name} died, the job runs again`)
  })
  worker.on('failed', (job, error) => {
    // Without a finish time, only this attempt failed.
    if (job?.finishedOn === undefined) {
      logger.warn({ err: error, task: name, id: job?.id }, `The task ${name} failed, retrying`)
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

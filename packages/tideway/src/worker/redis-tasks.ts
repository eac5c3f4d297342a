import type * as bullMqModule from 'bullmq'
import type { Job, JobsOptions, Queue, Worker } from 'bullmq'
import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requirePositive } from './options.ts'
import {
  DEFAULT_STOP_TIMEOUT_MS,
  type EnqueueOptions,
  type TaskBackend,
  type TaskPayload,
  type TaskRepeat,
  type TaskRunner,
  type TaskWork,
} from './task-backend.ts'
import type { ResolvedTask } from './task-runner.ts'

/** How jobs are kept in Redis. */
export interface RedisTasksOptions {
  /** What the names of all keys begin with. @default 'tideway-tasks' */
  readonly prefix?: string | undefined
  /** How long Redis may take to answer, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined
  /**
   * How long after the death of its worker a job is run by another, in milliseconds; up to twice as long passes. A task that
   * blocks the event loop of its worker for so long is run a second time beside it.
   * @default 30000
   */
  readonly lockMs?: number | undefined
  /** How many workers may die at a job before it counts as failed: it may be the job that kills them. @default 10 */
  readonly maxDeaths?: number | undefined
  /** The most jobs of each task that are kept when they are done, for a look at them. @default 100 */
  readonly keepDone?: number | undefined
  /** The most jobs of each task that are kept when they have failed. @default 1000 */
  readonly keepFailed?: number | undefined
}

type Complete = { readonly [Key in keyof RedisTasksOptions]-?: NonNullable<RedisTasksOptions[Key]> }

/** The defaults of {@link RedisTasksOptions}. */
export const redisTasksDefaults: Complete = Object.freeze({
  prefix: 'tideway-tasks',
  timeoutMs: 5000,
  lockMs: 30_000,
  maxDeaths: 10,
  keepDone: 100,
  keepFailed: 1000,
})

/** What {@link RedisTasks} needs beside the tasks. */
export interface RedisTasksSettings extends RedisTasksOptions {
  readonly redis: string | Readonly<Record<string, unknown>>
  readonly maxWaiting: number
  readonly logger: Logger
}

/** How many jobs of a task wait, as Redis said it for the last time, and how many this process has added since. */
interface Count {
  value: number
  at: number
}

/** How long a count is good for, in milliseconds. */
const COUNT_AGE_MS = 1000

/** How long a worker waits before it asks a Redis that has failed again, in milliseconds. */
const RETRY_MS = 1000

type BullMq = typeof bullMqModule

/** Tasks on BullMQ: a queue for each, so that a worker never gets a job of a task that it does not know. */
export class RedisTasks implements TaskBackend {
  readonly isDurable = true
  readonly #tasks: ReadonlyMap<string, ResolvedTask>
  readonly #runner: TaskRunner
  readonly #settings: RedisTasksSettings & Complete
  readonly #queues = new Map<string, Promise<Queue>>()
  readonly #counts = new Map<string, Count>()
  readonly #working = new Set<TaskWork>()
  #bullMq: Promise<BullMq> | undefined
  #isClosed = false

  /** @throws TidewayError `ERR_BAD_OPTION` */
  constructor(tasks: ReadonlyMap<string, ResolvedTask>, runner: TaskRunner, settings: RedisTasksSettings) {
    this.#tasks = tasks
    this.#runner = runner
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
    this.#settings = { ...redisTasksDefaults, ...(given as unknown as RedisTasksSettings & Complete) }
    for (const name of ['timeoutMs', 'lockMs', 'maxDeaths', 'keepDone', 'keepFailed'] as const) {
      requirePositive(name, this.#settings[name])
    }
  }

  async enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string> {
    const queue = await this.#queueOf(task)
    return this.#ask(async () => {
      const { jobId, repeat, delay } = options
      if (repeat !== undefined) return this.#schedule(queue, task, payload, options, repeat)
      if (jobId !== undefined) await removeFinished(queue, jobId)
      await this.#countOneMore(queue, task)
      const job = await queue.add(task, payload, {
        ...this.#jobOptions(task, options),
        ...(delay === undefined ? {} : { delay }),
        ...(jobId === undefined ? {} : { jobId }),
      })
      return job.id!
    })
  }

  async unschedule(task: string, jobId: string): Promise<boolean> {
    const queue = await this.#queueOf(task)
    return this.#ask(() => queue.removeJobScheduler(jobId))
  }

  async work(): Promise<TaskWork> {
    const bullMq = await this.#load()
    const leaving = new AbortController()
    const workers = Array.from(this.#tasks, ([name, task]) => this.#makeWorker(bullMq, name, task, leaving.signal))
    try {
      await this.#ask(() => this.#inTime(Promise.all(workers.map((worker) => worker.waitUntilReady()))))
    } catch (error) {
      for (const worker of workers) void worker.close(true).catch(() => {})
      throw error
    }
    for (const worker of workers) worker.run().catch((error: unknown) => this.#report(error))
    let end!: () => void
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let stopped: Promise<void> | undefined
    const work: TaskWork = {
      ended,
      stop: (timeoutMs = DEFAULT_STOP_TIMEOUT_MS) => {
        stopped ??= this.#stop(workers, timeoutMs, leaving).finally(() => {
          this.#working.delete(work)
          end()
        })
        return stopped
      },
    }
    this.#working.add(work)
    return work
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#working].map((work) => work.stop(timeoutMs)))
    await Promise.all([...this.#queues.values()].map((queue) => queue.then(closeQueue, () => {})))
  }

  /** @throws TidewayError `ERR_MISSING_PACKAGE` */
  #load(): Promise<BullMq> {
    this.#bullMq ??= import('bullmq').catch((cause: unknown) => {
      throw new TidewayError(
        'ERR_MISSING_PACKAGE',
        'Tasks in Redis need the packages bullmq and ioredis: "npm install bullmq ioredis", or leave "redis" out of defineTasks.',
        { cause },
      )
    })
    return this.#bullMq
  }

  #queueOf(task: string): Promise<Queue> {
    let queue = this.#queues.get(task)
    if (queue === undefined) {
      queue = this.#ask(() => this.#openQueue(task))
      this.#queues.set(task, queue)
      // The next call tries again.
      queue.catch(() => this.#queues.delete(task))
    }
    return queue
  }

  async #openQueue(task: string): Promise<Queue> {
    const { Queue } = await this.#load()
    const { prefix, timeoutMs } = this.#settings
    const connection = {
      ...this.#connection(),
      // A Redis that is gone is said to be gone, now: nothing is to be queued behind the back of who was told that it was not.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 1,
      commandTimeout: timeoutMs,
    }
    const queue = new Queue(task, { connection, prefix, skipVersionCheck: true })
    // Who enqueues is told.
    queue.on('error', () => {})
    try {
      await this.#inTime(queue.waitUntilReady())
    } catch (error) {
      void closeQueue(queue)
      throw error
    }
    return queue
  }

  #connection(): Record<string, unknown> {
    const { redis, timeoutMs } = this.#settings
    const given = typeof redis === 'string' ? { url: redis } : redis
    return { connectTimeout: timeoutMs, retryStrategy: (times: number) => Math.min(times * 100, RETRY_MS), ...given }
  }

  #jobOptions(task: string, options: EnqueueOptions): JobsOptions {
    const { keepDone, keepFailed } = this.#settings
    const definition = this.#tasks.get(task)!
    const backoff = options.backoff ?? definition.backoff
    return {
      attempts: options.attempts ?? definition.attempts ?? 1,
      ...(backoff === undefined ? {} : { backoff }),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      removeOnComplete: keepDone,
      removeOnFail: keepFailed,
    }
  }

  async #schedule(
    queue: Queue,
    task: string,
    payload: TaskPayload,
    options: EnqueueOptions,
    repeat: TaskRepeat,
  ): Promise<string> {
    const { jobId = task } = options
    const { every, pattern, tz, limit } = repeat
    const when = every === undefined ? { pattern, ...(tz === undefined ? {} : { tz }) } : { every }
    await queue.upsertJobScheduler(jobId, limit === undefined ? when : { ...when, limit }, {
      name: task,
      data: payload,
      opts: this.#jobOptions(task, options),
    })
    return jobId
  }

  /** @throws TidewayError `ERR_TASK_QUEUE_FULL` */
  async #countOneMore(queue: Queue, task: string): Promise<void> {
    const { maxWaiting } = this.#settings
    let count = this.#counts.get(task)
    if (count === undefined || count.value >= maxWaiting || performance.now() - count.at > COUNT_AGE_MS) {
      count = { value: await queue.count(), at: performance.now() }
      this.#counts.set(task, count)
    }
    if (count.value < maxWaiting) {
      count.value++
      return
    }
    throw new TidewayError(
      'ERR_TASK_QUEUE_FULL',
      `${maxWaiting} jobs of the task ${task} wait already: start more workers, enqueue less, or raise maxWaiting.`,
    )
  }

  #makeWorker(bullMq: BullMq, name: string, task: ResolvedTask, leaving: AbortSignal): Worker {
    const { prefix, lockMs, maxDeaths } = this.#settings
    const run = async (job: Job<TaskPayload>, _token?: string, signal?: AbortSignal): Promise<void> => {
      try {
        await this.#runner.run({
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
      connection: { ...this.#connection(), maxRetriesPerRequest: null },
      prefix,
      autorun: false,
      concurrency: task.concurrency ?? 1,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: maxDeaths,
      runRetryDelay: RETRY_MS,
      skipVersionCheck: true,
      ...(rateLimit === undefined ? {} : { limiter: { max: rateLimit.max, duration: rateLimit.durationMs } }),
    })
    worker.on('error', (error) => this.#report(error))
    worker.on('stalled', (id) => {
      this.#settings.logger.warn({ task: name, id }, `The worker of a job of ${name} has died, the job is run again`)
    })
    worker.on('failed', (job, error) => {
      // Without a time it is only this attempt that has failed.
      if (job?.finishedOn === undefined) {
        this.#settings.logger.warn(
          { err: error, task: name, id: job?.id },
          `The task ${name} failed, and is tried again`,
        )
      } else
        void this.#runner.failed(
          { task: name, id: job.id!, payload: job.data },
          error.cause instanceof TidewayError ? error.cause : error,
        )
    })
    return worker
  }

  async #stop(workers: readonly Worker[], timeoutMs: number, leaving: AbortController): Promise<void> {
    const closed = Promise.all(workers.map((worker) => worker.close())).then(() => true)
    let timer: NodeJS.Timeout | undefined
    const overdue = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs)
    })
    if (!(await Promise.race([closed, overdue]))) {
      this.#settings.logger.error(
        {},
        `Tasks were not done ${timeoutMs} ms after they were to stop: they are run again elsewhere`,
      )
      leaving.abort()
    }
    clearTimeout(timer)
  }

  async #inTime<Result>(wait: Promise<Result>): Promise<Result> {
    const { timeoutMs } = this.#settings
    let timer: NodeJS.Timeout | undefined
    wait.catch(() => {})
    try {
      return await Promise.race([
        wait,
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
        }),
      ])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Asks Redis something; what is no error of ours means that it cannot be asked. */
  async #ask<Result>(question: () => Promise<Result>): Promise<Result> {
    try {
      return await question()
    } catch (cause) {
      if (cause instanceof TidewayError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new TidewayError(
        'ERR_TASKS_UNAVAILABLE',
        `Redis cannot be used for tasks (${reason}): where the connection broke in between, the job may be queued. With a jobId it can be enqueued again safely.`,
        { cause },
      )
    }
  }

  #report(error: unknown): void {
    if (this.#isClosed) return
    this.#settings.logger.error({ err: error }, 'Redis fails the tasks, trying again')
  }
}

/** A name is free again when its job is done: what is kept of that is only for a look. */
async function removeFinished(queue: Queue, jobId: string): Promise<void> {
  const job = (await queue.getJob(jobId)) as Job | undefined
  // It may have gone or been begun again in between, which is as good.
  if (job?.finishedOn !== undefined) await job.remove().catch(() => {})
}

async function closeQueue(queue: Queue): Promise<void> {
  try {
    await queue.close()
  } catch {
    await queue.disconnect().catch(() => {})
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}

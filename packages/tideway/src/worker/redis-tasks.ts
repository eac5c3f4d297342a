import type { Job, JobsOptions, Queue, Worker } from 'bullmq'
import { TidewayError } from '../errors/tideway-error.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'
import { makeClock } from './repeat-clock.ts'
import { makeTaskWorker, type BullMq, type TaskWorkerContext } from './redis-task-worker.ts'
import {
  connectionOf,
  fullSettings,
  type FullRedisTasksOptions,
  type RedisTasksSettings,
} from './redis-tasks-options.ts'
import {
  DEFAULT_STOP_TIMEOUT_MS,
  type EnqueueOptions,
  type TaskBackend,
  type TaskPayload,
  type TaskRepeat,
  type TaskRunner,
  type TaskWork,
} from './task-backend.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import type { ResolvedTask } from './task-runner.ts'
import { infoOf, redisFindings, unusableRedis } from './tasks-diagnosis.ts'

/** The number of waiting jobs of a task: the last count of Redis, and the jobs that this process added since. */
interface Count {
  value: number
  at: number
}

/** The longest age of a count, in milliseconds. */
const COUNT_AGE_MS = 1000

/** Tasks on BullMQ: one queue per task, so that a worker never gets a job of an unknown task. */
export class RedisTasks implements TaskBackend {
  readonly isDurable = true
  readonly #tasks: ReadonlyMap<string, ResolvedTask>
  readonly #runner: TaskRunner
  readonly #settings: RedisTasksSettings & FullRedisTasksOptions
  readonly #queues = new Map<string, Promise<Queue>>()
  readonly #counts = new Map<string, Count>()
  readonly #working = new Set<TaskWork>()
  #bullMq: Promise<BullMq> | undefined
  #isClosed = false

  /** @throws TidewayError `ERR_BAD_OPTION` */
  constructor(tasks: ReadonlyMap<string, ResolvedTask>, runner: TaskRunner, settings: RedisTasksSettings) {
    this.#tasks = tasks
    this.#runner = runner
    this.#settings = fullSettings(settings)
  }

  async enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string> {
    const queue = await this.#queueOf(task)
    return this.#callRedis(async () => {
      const { jobId, repeat, delayMs } = options
      if (repeat !== undefined) return this.#schedule(queue, task, payload, options, repeat)
      if (jobId !== undefined) await removeFinished(queue, jobId)
      await this.#countOneMore(queue, task)
      const job = await queue.add(task, payload, {
        ...this.#jobOptions(task, options),
        ...(delayMs === undefined ? {} : { delay: delayMs }),
        ...(jobId === undefined ? {} : { jobId }),
      })
      return job.id!
    })
  }

  async unschedule(task: string, jobId: string): Promise<boolean> {
    const queue = await this.#queueOf(task)
    return this.#callRedis(() => queue.removeJobScheduler(jobId))
  }

  async work(): Promise<TaskWork> {
    const bullMq = await this.#load()
    const leaving = new AbortController()
    const context: TaskWorkerContext = {
      runner: this.#runner,
      settings: this.#settings,
      leaving: leaving.signal,
      report: (error) => this.#report(error),
    }
    const workers = Array.from(this.#tasks, ([name, task]) => makeTaskWorker(bullMq, name, task, context))
    try {
      await this.#callRedis(() => this.#withinTimeout(Promise.all(workers.map((worker) => worker.waitUntilReady()))))
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

  async diagnose(): Promise<readonly LayerFinding[]> {
    try {
      return redisFindings(await this.#withinTimeout(infoOf(await this.#load(), connectionOf(this.#settings))))
    } catch (error) {
      return [unusableRedis(error)]
    }
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
      queue = this.#callRedis(() => this.#openQueue(task))
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
      ...connectionOf(this.#settings),
      // Fails at once while Redis is gone, and never queues a job whose caller already got an error.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 1,
      commandTimeout: timeoutMs,
    }
    const queue = new Queue(task, { connection, prefix })
    // The caller of `enqueue` gets the error.
    queue.on('error', () => {})
    try {
      await this.#withinTimeout(queue.waitUntilReady())
    } catch (error) {
      void closeQueue(queue)
      throw error
    }
    return queue
  }

  #jobOptions(task: string, options: EnqueueOptions): JobsOptions {
    const { keepDone, keepFailed } = this.#settings
    const definition = this.#tasks.get(task)!
    const backoff = options.backoff ?? definition.backoff
    return {
      attempts: options.attempts ?? definition.attempts ?? 1,
      ...(backoff === undefined ? {} : { backoff: { type: backoff.type, delay: backoff.delayMs } }),
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
    const { everyMs, pattern, tz, limit } = repeat
    // Finds an invalid pattern here, so that it is not reported as an error of Redis.
    await makeClock(repeat).catch((error: unknown) => {
      if (!(error instanceof TidewayError) || error.code !== 'ERR_MISSING_PACKAGE') throw error
    })
    const when = everyMs === undefined ? { pattern, ...(tz === undefined ? {} : { tz }) } : { every: everyMs }
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
      `The queue of the task ${task} is full with ${maxWaiting} jobs: start more workers, enqueue fewer, or raise maxWaiting.`,
    )
  }

  async #stop(workers: readonly Worker[], timeoutMs: number, leaving: AbortController): Promise<void> {
    const closed = Promise.all(workers.map((worker) => worker.close()))
    if (!(await resolvesWithin(closed, timeoutMs))) {
      this.#settings.logger.error({}, `Tasks still ran ${timeoutMs} ms after the stop: another worker runs them again`)
      leaving.abort()
    }
  }

  async #withinTimeout<Result>(wait: Promise<Result>): Promise<Result> {
    const { timeoutMs } = this.#settings
    if (await resolvesWithin(wait, timeoutMs)) return wait
    throw new Error(`no answer within ${timeoutMs} ms`)
  }

  /** Calls Redis. Turns every error that is not a `TidewayError` into `ERR_TASKS_UNAVAILABLE`. */
  async #callRedis<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (cause) {
      if (cause instanceof TidewayError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new TidewayError(
        'ERR_TASKS_UNAVAILABLE',
        `Redis cannot be used for tasks (${reason}). If the connection broke during the call, the job may be queued: with a jobId it is safe to enqueue it again.`,
        { cause },
      )
    }
  }

  #report(error: unknown): void {
    if (this.#isClosed) return
    this.#settings.logger.error({ err: error }, 'Redis fails for the tasks, retrying')
  }
}

/** Frees the name of a job that ended: Redis keeps such jobs only for inspection. */
async function removeFinished(queue: Queue, jobId: string): Promise<void> {
  const job = (await queue.getJob(jobId)) as Job | undefined
  // Ignores a job that another process removed or started since.
  if (job?.finishedOn !== undefined) await job.remove().catch(() => {})
}

async function closeQueue(queue: Queue): Promise<void> {
  try {
    await queue.close()
  } catch {
    await queue.disconnect().catch(() => {})
  }
}

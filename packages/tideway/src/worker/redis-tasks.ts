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
import type { ResolvedTask } from './task-runner.ts'
import { infoOf, redisFindings, unusableRedis } from './tasks-diagnosis.ts'

/** How many jobs of a task wait, as Redis said it for the last time, and how many this process has added since. */
interface Count {
  value: number
  at: number
}

/** How long a count is good for, in milliseconds. */
const COUNT_AGE_MS = 1000

/** Tasks on BullMQ: a queue for each, so that a worker never gets a job of a task that it does not know. */
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
    const context: TaskWorkerContext = {
      runner: this.#runner,
      settings: this.#settings,
      leaving: leaving.signal,
      report: (error) => this.#report(error),
    }
    const workers = Array.from(this.#tasks, ([name, task]) => makeTaskWorker(bullMq, name, task, context))
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

  async diagnose(): Promise<readonly LayerFinding[]> {
    try {
      return redisFindings(await this.#inTime(infoOf(await this.#load(), connectionOf(this.#settings))))
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
      ...connectionOf(this.#settings),
      // A Redis that is gone is said to be gone, now: nothing is to be queued behind the back of who was told that it was not.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 1,
      commandTimeout: timeoutMs,
    }
    const queue = new Queue(task, { connection, prefix })
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
    // A pattern that is none is found here where it can be: Redis is not to blame for it.
    await makeClock(repeat).catch((error: unknown) => {
      if (!(error instanceof TidewayError) || error.code !== 'ERR_MISSING_PACKAGE') throw error
    })
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

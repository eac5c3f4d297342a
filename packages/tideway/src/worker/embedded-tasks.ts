import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'
import { makeClock, wakeAt } from './repeat-clock.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import type { EnqueueOptions, TaskBackend, TaskPayload, TaskRepeat, TaskRunner, TaskWork } from './task-backend.ts'
import type { ResolvedTask } from './task-runner.ts'
import { retryDelayMs } from './task-options.ts'
import { withoutRedis } from './tasks-diagnosis.ts'

interface Job {
  readonly id: string
  readonly payload: TaskPayload
  readonly options: EnqueueOptions
  attempt: number
}

/** The queue of one task. */
interface TaskQueue {
  readonly name: string
  readonly task: ResolvedTask
  /** Jobs that may run now, the next one first. */
  readonly ready: Job[]
  /** Waiting, running and delayed jobs by id. */
  readonly unfinished: Map<string, Job>
  readonly delayed: Map<Job, () => void>
  readonly schedules: Map<string, () => void>
  running: number
  /** Jobs started since `begunSince`, for the rate limit. */
  begun: number
  begunSince: number
}

/** Tasks without Redis: their jobs run in this process, and are lost when it ends. */
export class EmbeddedTasks implements TaskBackend {
  readonly isDurable = false
  readonly #queues: ReadonlyMap<string, TaskQueue>
  readonly #runner: TaskRunner
  readonly #maxWaiting: number
  readonly #logger: Logger
  readonly #leaving = new AbortController()
  #made = 0
  #isClosed = false
  #ended: (() => void) | undefined
  /** Called when the last running job ends. */
  #onIdle: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(tasks: ReadonlyMap<string, ResolvedTask>, runner: TaskRunner, maxWaiting: number, logger: Logger) {
    this.#queues = new Map(Array.from(tasks, ([name, task]) => [name, makeTaskQueue(name, task)]))
    this.#runner = runner
    this.#maxWaiting = maxWaiting
    this.#logger = logger
  }

  async enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string> {
    const queue = this.#queues.get(task)!
    // The same copy that a job gets from Redis.
    const copy = JSON.parse(JSON.stringify(payload)) as TaskPayload
    this.#warnOnce()
    if (options.repeat !== undefined) return this.#schedule(queue, copy, options, options.repeat)
    const { jobId, delayMs = 0 } = options
    if (jobId !== undefined && queue.unfinished.has(jobId)) return jobId
    if (queue.unfinished.size - queue.running >= this.#maxWaiting) {
      throw new TidewayError(
        'ERR_TASK_QUEUE_FULL',
        `The queue of the task ${task} is full with ${this.#maxWaiting} jobs: enqueue fewer at once, or raise its concurrency or maxWaiting.`,
      )
    }
    const job: Job = { id: jobId ?? String(++this.#made), payload: copy, options, attempt: 0 }
    queue.unfinished.set(job.id, job)
    this.#add(queue, job, delayMs)
    return job.id
  }

  async unschedule(task: string, jobId: string): Promise<boolean> {
    const { schedules } = this.#queues.get(task)!
    schedules.get(jobId)?.()
    return schedules.delete(jobId)
  }

  async work(): Promise<TaskWork> {
    this.#warnOnce()
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve
    })
    return { ended, stop: (timeoutMs) => this.close(timeoutMs) }
  }

  async diagnose(): Promise<readonly LayerFinding[]> {
    return [withoutRedis]
  }

  close(timeoutMs?: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs ?? 30_000)
    return this.#closed
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#isClosed = true
    const queues = [...this.#queues.values()]
    for (const { schedules, delayed } of queues) {
      for (const cancel of [...schedules.values(), ...delayed.values()]) cancel()
    }
    if (this.#isBusy()) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      await resolvesWithin(idle, timeoutMs)
    }
    this.#leaving.abort()
    const lost = queues.reduce((sum, queue) => sum + queue.unfinished.size, 0)
    if (lost > 0) this.#logger.warn({ lost }, `${lost} jobs of tasks are lost: they are not in Redis`)
    this.#ended?.()
  }

  #isBusy(): boolean {
    return Array.from(this.#queues.values()).some(({ running }) => running > 0)
  }

  #warnOnce(): void {
    if (warnedLoggers.has(this.#logger)) return
    warnedLoggers.add(this.#logger)
    this.#logger.warn({}, 'Tasks have no Redis: they run in this process, and unfinished jobs are lost when it ends')
  }

  /** Makes the job ready after the delay. */
  #add(queue: TaskQueue, job: Job, delayMs: number): void {
    if (delayMs === 0) {
      const { priority = 0 } = job.options
      const next = queue.ready.findIndex(({ options }) => (options.priority ?? 0) > priority)
      queue.ready.splice(next === -1 ? queue.ready.length : next, 0, job)
      // In a later task, so that `enqueue` returns the id before the job starts.
      setImmediate(() => this.#runNext(queue))
      return
    }
    const cancel = wakeAt(Date.now() + delayMs, () => {
      queue.delayed.delete(job)
      this.#add(queue, job, 0)
    })
    queue.delayed.set(job, cancel)
  }

  #runNext(queue: TaskQueue): void {
    const { concurrency = 1 } = queue.task
    while (!this.#isClosed && queue.running < concurrency && queue.ready.length > 0 && this.#mayStart(queue)) {
      queue.running++
      void this.#run(queue, queue.ready.shift()!).finally(() => {
        queue.running--
        if (!this.#isBusy()) this.#onIdle?.()
        this.#runNext(queue)
      })
    }
  }

  /** Counts a start. Returns `false` if the rate limit delays it. */
  #mayStart(queue: TaskQueue): boolean {
    const { rateLimit } = queue.task
    if (rateLimit === undefined) return true
    const now = performance.now()
    if (now - queue.begunSince >= rateLimit.durationMs) {
      queue.begunSince = now
      queue.begun = 0
    }
    if (queue.begun < rateLimit.max) return ++queue.begun > 0
    setTimeout(() => this.#runNext(queue), rateLimit.durationMs - (now - queue.begunSince))
    return false
  }

  async #run(queue: TaskQueue, job: Job): Promise<void> {
    const { id, payload, options } = job
    const { name, task } = queue
    job.attempt++
    try {
      await this.#runner.run({ task: name, id, attempt: job.attempt, payload, signal: this.#leaving.signal })
      queue.unfinished.delete(id)
    } catch (error) {
      if (this.#isClosed) return
      if (job.attempt < (options.attempts ?? task.attempts ?? 1) && !isRefused(error)) {
        this.#add(queue, job, retryDelayMs(options.backoff ?? task.backoff, job.attempt))
        return
      }
      queue.unfinished.delete(id)
      await this.#runner.failed({ task: name, id, payload }, error)
    }
  }

  async #schedule(
    queue: TaskQueue,
    payload: TaskPayload,
    options: EnqueueOptions,
    repeat: TaskRepeat,
  ): Promise<string> {
    const { jobId = queue.name } = options
    const nextTime = await makeClock(repeat)
    queue.schedules.get(jobId)?.()
    const { repeat: _, jobId: __, ...each } = options
    let left = repeat.limit ?? Infinity
    const arm = (time: number): void => {
      const cancel = wakeAt(time, () => {
        this.enqueue(queue.name, payload, each).catch((error: unknown) => {
          this.#logger.error({ err: error }, `The task ${queue.name} missed a run of its schedule`)
        })
        if (--left > 0) arm(nextTime(time))
        else queue.schedules.delete(jobId)
      })
      queue.schedules.set(jobId, cancel)
    }
    arm(nextTime(undefined))
    return jobId
  }
}

/** Loggers with the warning that tasks are not durable: each gets it once. */
const warnedLoggers = new WeakSet<Logger>()

function makeTaskQueue(name: string, task: ResolvedTask): TaskQueue {
  return {
    name,
    task,
    ready: [],
    unfinished: new Map(),
    delayed: new Map(),
    schedules: new Map(),
    running: 0,
    begun: 0,
    begunSince: -Infinity,
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof TidewayError && error.code === 'ERR_BAD_TASK_INPUT'
}

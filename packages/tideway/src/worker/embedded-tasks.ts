import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'
import { makeClock, wakeAt } from './repeat-clock.ts'
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

/** The jobs of one task. */
interface Lane {
  readonly name: string
  readonly task: ResolvedTask
  /** Those that may run, the next one first. */
  readonly ready: Job[]
  /** Those that wait, run, or are delayed, by id. */
  readonly unfinished: Map<string, Job>
  readonly delayed: Map<Job, () => void>
  readonly schedules: Map<string, () => void>
  running: number
  /** How many were begun since when, for the rate limit. */
  begun: number
  begunSince: number
}

/** Tasks without Redis: the same, in this process, and gone with it. */
export class EmbeddedTasks implements TaskBackend {
  readonly isDurable = false
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #runner: TaskRunner
  readonly #maxWaiting: number
  readonly #logger: Logger
  readonly #leaving = new AbortController()
  #made = 0
  #isClosed = false
  #ended: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(tasks: ReadonlyMap<string, ResolvedTask>, runner: TaskRunner, maxWaiting: number, logger: Logger) {
    this.#lanes = new Map(Array.from(tasks, ([name, task]) => [name, makeLane(name, task)]))
    this.#runner = runner
    this.#maxWaiting = maxWaiting
    this.#logger = logger
  }

  async enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string> {
    const lane = this.#lanes.get(task)!
    // What Redis would give back.
    const copy = JSON.parse(JSON.stringify(payload)) as TaskPayload
    this.#sayOnce()
    if (options.repeat !== undefined) return this.#schedule(lane, copy, options, options.repeat)
    const { jobId, delay = 0 } = options
    if (jobId !== undefined && lane.unfinished.has(jobId)) return jobId
    if (lane.unfinished.size - lane.running >= this.#maxWaiting) {
      throw new TidewayError(
        'ERR_TASK_QUEUE_FULL',
        `${this.#maxWaiting} jobs of the task ${task} wait already: enqueue less at once, raise its concurrency, or maxWaiting.`,
      )
    }
    const job: Job = { id: jobId ?? String(++this.#made), payload: copy, options, attempt: 0 }
    lane.unfinished.set(job.id, job)
    this.#add(lane, job, delay)
    return job.id
  }

  async unschedule(task: string, jobId: string): Promise<boolean> {
    const { schedules } = this.#lanes.get(task)!
    schedules.get(jobId)?.()
    return schedules.delete(jobId)
  }

  async work(): Promise<TaskWork> {
    this.#sayOnce()
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
    const lanes = [...this.#lanes.values()]
    for (const { schedules, delayed } of lanes) {
      for (const cancel of [...schedules.values(), ...delayed.values()]) cancel()
    }
    const end = performance.now() + timeoutMs
    while (lanes.some((lane) => lane.running > 0) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS))
    }
    this.#leaving.abort()
    const lost = lanes.reduce((sum, lane) => sum + lane.unfinished.size, 0)
    if (lost > 0) this.#logger.warn({ lost }, `${lost} jobs of tasks are lost: they had no Redis to wait in`)
    this.#ended?.()
  }

  #sayOnce(): void {
    if (saidBy.has(this.#logger)) return
    saidBy.add(this.#logger)
    this.#logger.warn({}, 'Tasks have no Redis: they run in this process, and those that wait or run are lost with it')
  }

  /** Makes the job ready, after the delay. */
  #add(lane: Lane, job: Job, delayMs: number): void {
    if (delayMs === 0) {
      const { priority = 0 } = job.options
      const behind = lane.ready.findIndex(({ options }) => (options.priority ?? 0) > priority)
      lane.ready.splice(behind === -1 ? lane.ready.length : behind, 0, job)
      // From a clean stack: whoever enqueues is told the id before the job begins.
      setImmediate(() => this.#runNext(lane))
      return
    }
    const cancel = wakeAt(Date.now() + delayMs, () => {
      lane.delayed.delete(job)
      this.#add(lane, job, 0)
    })
    lane.delayed.set(job, cancel)
  }

  #runNext(lane: Lane): void {
    const { concurrency = 1 } = lane.task
    while (!this.#isClosed && lane.running < concurrency && lane.ready.length > 0 && this.#mayBegin(lane)) {
      lane.running++
      void this.#run(lane, lane.ready.shift()!).finally(() => {
        lane.running--
        this.#runNext(lane)
      })
    }
  }

  /** `false`: not yet, because of the rate limit. */
  #mayBegin(lane: Lane): boolean {
    const { rateLimit } = lane.task
    if (rateLimit === undefined) return true
    const now = performance.now()
    if (now - lane.begunSince >= rateLimit.durationMs) {
      lane.begunSince = now
      lane.begun = 0
    }
    if (lane.begun < rateLimit.max) return ++lane.begun > 0
    setTimeout(() => this.#runNext(lane), rateLimit.durationMs - (now - lane.begunSince))
    return false
  }

  async #run(lane: Lane, job: Job): Promise<void> {
    const { id, payload, options } = job
    const { name, task } = lane
    job.attempt++
    try {
      await this.#runner.run({ task: name, id, attempt: job.attempt, payload, signal: this.#leaving.signal })
      lane.unfinished.delete(id)
    } catch (error) {
      if (this.#isClosed) return
      if (job.attempt < (options.attempts ?? task.attempts ?? 1) && !isRefused(error)) {
        this.#add(lane, job, retryDelayMs(options.backoff ?? task.backoff, job.attempt))
        return
      }
      lane.unfinished.delete(id)
      await this.#runner.failed({ task: name, id, payload }, error)
    }
  }

  async #schedule(lane: Lane, payload: TaskPayload, options: EnqueueOptions, repeat: TaskRepeat): Promise<string> {
    const { jobId = lane.name } = options
    const nextTime = await makeClock(repeat)
    lane.schedules.get(jobId)?.()
    const { repeat: _, jobId: __, ...each } = options
    let left = repeat.limit ?? Infinity
    const arm = (time: number): void => {
      const cancel = wakeAt(time, () => {
        this.enqueue(lane.name, payload, each).catch((error: unknown) => {
          this.#logger.error({ err: error }, `The task ${lane.name} was not run on schedule`)
        })
        if (--left > 0) arm(nextTime(time))
        else lane.schedules.delete(jobId)
      })
      lane.schedules.set(jobId, cancel)
    }
    arm(nextTime(undefined))
    return jobId
  }
}

/** Loggers that have been told that tasks are not durable: once is enough. */
const saidBy = new WeakSet<Logger>()

/** How often a closing queue looks whether its jobs are done, in milliseconds. */
const CLOSE_LOOK_MS = 10

function makeLane(name: string, task: ResolvedTask): Lane {
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

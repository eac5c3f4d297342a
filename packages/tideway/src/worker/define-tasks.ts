import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer, LayerFinding } from '../layer/channel-layer.ts'
import { EmbeddedTasks } from './embedded-tasks.ts'
import { redisTasksDefaults, type FullRedisTasksOptions, type RedisTasksOptions } from './redis-tasks-options.ts'
import { RedisTasks } from './redis-tasks.ts'
import { checkEnqueueOptions, checkTaskOptions } from './task-options.ts'
import { DEFAULT_STOP_TIMEOUT_MS, type EnqueueOptions, type TaskBackend, type TaskWork } from './task-backend.ts'
import type { AnyTask, RawInputOf } from './task-definition.ts'
import { requireJson, validateInput } from './task-input.ts'
import { HandlerRunner, type ResolvedTask } from './task-runner.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'

/** Options of {@link defineTasks}. */
export interface TasksOptions extends RedisTasksOptions {
  /**
   * The Redis that keeps the jobs: a URL, or options of ioredis. Needs the packages `bullmq` and `ioredis`.
   * @default none: jobs run in the process that enqueues them, and are lost when it ends
   */
  readonly redis?: string | Readonly<Record<string, unknown>> | undefined
  /** Carries the messages of jobs to the recipients in `notify`. @default none */
  readonly channelLayer?: ChannelLayer | undefined
  /** The most waiting jobs of one task; `enqueue` rejects one more. @default 10000 */
  readonly maxWaiting?: number | undefined
  /** Receives the reports of failed jobs. @default the console */
  readonly logger?: Logger | undefined
}

/** The defaults of {@link TasksOptions}. */
export const tasksDefaults: FullRedisTasksOptions & { readonly maxWaiting: number } = Object.freeze({
  ...redisTasksDefaults,
  maxWaiting: 10_000,
})

/** One task, for the code that enqueues its jobs. */
export interface Task<Raw> {
  readonly name: string
  /**
   * Queues a job. Resolves when it is queued: with Redis it then runs even if this process ends.
   * @throws TidewayError `ERR_BAD_TASK_INPUT`, `ERR_BAD_OPTION`, `ERR_TASK_QUEUE_FULL`, `ERR_TASKS_UNAVAILABLE`,
   *   `ERR_TASKS_CLOSED`
   */
  enqueue(
    ...args: undefined extends Raw ? [input?: Raw, options?: EnqueueOptions] : [input: Raw, options?: EnqueueOptions]
  ): Promise<EnqueuedTask>
  /** Ends the schedule of a `repeat`. Returns `false` if there is none. @param jobId default: the name of the task */
  unschedule(jobId?: string): Promise<boolean>
}

/** A queued job. */
export interface EnqueuedTask {
  /** The id of the job in its messages. */
  readonly id: string
}

/** What `defineTasks` returns: the tasks by name. */
export type Tasks<Definitions extends Readonly<Record<string, AnyTask>>> = {
  readonly [Name in keyof Definitions]: Task<RawInputOf<Definitions[Name]>>
}

interface Control {
  readonly backend: TaskBackend
  readonly channelLayer: ChannelLayer | undefined
  isClosed: boolean
}

/** Separate from the object of tasks, whose keys are names of the application. */
const controls = new WeakMap<object, Control>()

const taskName = /^[a-zA-Z][\w-]{0,63}$/

/**
 * Defines the tasks of an application: work that must not be lost, or that takes too long for a consumer. With `redis`,
 * `tideway worker application.ts --tasks` or {@link runTasks} run the queued jobs, at least once each, even if workers die.
 * Without `redis`, jobs run in the process that enqueues them.
 * @throws TidewayError `ERR_BAD_OPTION`
 * @example
 * export const tasks = defineTasks({
 *   resize: async ({ id }: { id: number }, task) => { … await task.progress(0.5) … },
 * }, { redis: process.env.REDIS_URL, channelLayer })
 * await tasks.resize.enqueue({ id: 7 }, { notify: { group: 'pictures' } })
 */
export function defineTasks<Definitions extends Readonly<Record<string, AnyTask>>>(
  definitions: Definitions,
  options: TasksOptions = {},
): Tasks<Definitions> {
  const { redis, channelLayer, logger = consoleLogger } = options
  const maxWaiting = requireWholeNumber('maxWaiting', options.maxWaiting ?? tasksDefaults.maxWaiting)
  const resolved = new Map(Object.entries(definitions).map(([name, definition]) => [name, resolve(name, definition)]))
  const runner = new HandlerRunner(resolved, channelLayer, logger)
  const backend =
    redis === undefined
      ? new EmbeddedTasks(resolved, runner, maxWaiting, logger)
      : new RedisTasks(resolved, runner, { ...options, redis, maxWaiting, logger })
  const control: Control = { backend, channelLayer, isClosed: false }
  const tasks = Object.fromEntries(Array.from(resolved, ([name, each]) => [name, makeTask(name, each, control)]))
  controls.set(tasks, control)
  return Object.freeze(tasks) as Tasks<Definitions>
}

function resolve(name: string, definition: AnyTask): ResolvedTask {
  if (!taskName.test(name)) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `${JSON.stringify(name)} is not a name for a task: write a letter, then at most 63 letters, digits, _ or -.`,
    )
  }
  const resolved = (typeof definition === 'function' ? { run: definition } : definition) as ResolvedTask
  if (typeof resolved.run !== 'function') {
    throw new TidewayError('ERR_BAD_OPTION', `The task ${name} is not a function and has no function "run".`)
  }
  checkTaskOptions(name, resolved)
  return resolved
}

function makeTask(name: string, definition: ResolvedTask, control: Control): Task<unknown> {
  const { backend, channelLayer } = control
  return {
    name,
    async enqueue(input?: unknown, options: EnqueueOptions = {}) {
      requireOpen(control)
      checkEnqueueOptions(options)
      requireJson(name, input)
      await validateInput(name, definition.input, input)
      const { notify } = options
      if (notify !== undefined && channelLayer === undefined) {
        throw new TidewayError(
          'ERR_NO_CHANNEL_LAYER',
          `The task ${name} has no channel layer for "notify": give defineTasks a channelLayer, or enqueue the job without notify.`,
        )
      }
      return { id: await backend.enqueue(name, notify === undefined ? { input } : { input, notify }, options) }
    },
    async unschedule(jobId = name) {
      requireOpen(control)
      return backend.unschedule(name, jobId)
    },
  }
}

/**
 * Runs the jobs of these tasks until `stop()`, as `tideway worker --tasks` does. Tasks without Redis run from the start, so
 * this only returns a handle to stop them.
 * @throws TidewayError `ERR_TASKS_UNAVAILABLE`, `ERR_MISSING_PACKAGE`
 */
export async function runTasks(tasks: object): Promise<TaskWork> {
  const control = controlOf(tasks)
  requireOpen(control)
  return control.backend.work()
}

/**
 * Stops all work of these tasks in this process, and closes their connections to Redis.
 * @param timeoutMs the longest wait for running jobs, in milliseconds. Default 30000.
 */
export async function closeTasks(tasks: object, timeoutMs: number = DEFAULT_STOP_TIMEOUT_MS): Promise<void> {
  const control = controlOf(tasks)
  if (control.isClosed) return
  control.isClosed = true
  await control.backend.close(timeoutMs)
}

/** Whether the value was returned by `defineTasks`. */
export function areTasks(value: unknown): value is object {
  return typeof value === 'object' && value !== null && controls.has(value)
}

/** Whether another process can run the jobs of these tasks. */
export function areDurable(tasks: object): boolean {
  return controlOf(tasks).backend.isDurable
}

/** Checks the queues of these tasks, for `tideway doctor`. */
export function diagnoseTasks(tasks: object): Promise<readonly LayerFinding[]> {
  return controlOf(tasks).backend.diagnose()
}

/** The channel layer for messages of these tasks. */
export function channelLayerOf(tasks: object): ChannelLayer | undefined {
  return controlOf(tasks).channelLayer
}

function controlOf(tasks: object): Control {
  const control = controls.get(tasks)
  if (control !== undefined) return control
  throw new TidewayError('ERR_BAD_OPTION', 'This is not an object of tasks: pass the result of defineTasks.')
}

function requireOpen({ isClosed }: Control): void {
  if (isClosed) throw new TidewayError('ERR_TASKS_CLOSED', 'The tasks are closed and accept no jobs.')
}

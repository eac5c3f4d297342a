import type { StandardSchema } from '../errors/standard-schema.ts'

/** The second argument of a task. */
export interface TaskContext {
  /** The job: one enqueued run of the task, which may take several attempts. */
  readonly id: string
  /** The name of the task. */
  readonly name: string
  /** 1 for the first. A task runs again if it throws, up to `attempts`, and if its worker dies. */
  readonly attempt: number
  /** Aborts if the worker ends before the task. With Redis, another worker then runs the task again. */
  readonly signal: AbortSignal
  /**
   * Sends a message of type `task.progress` to the recipient that `notify` of the job names. Never rejects, so that a failed
   * message does not fail the task.
   * @param progress a number, or anything else that a channel layer carries
   */
  progress(progress: unknown): Promise<void>
}

/** Runs one job. With Redis it may run again after it ended, if its worker dies at that moment. */
export type TaskHandler<Input, Result> = (input: Input, task: TaskContext) => Result | Promise<Result>

/** The wait before the next attempt: always `delayMs`, or doubled after each attempt. */
export interface TaskBackoff {
  readonly type: 'fixed' | 'exponential'
  /** The first wait, in milliseconds. */
  readonly delayMs: number
}

/** Options of one task. */
export interface TaskOptions {
  /** The most jobs of the task that run at once in one process. @default 1 */
  readonly concurrency?: number | undefined
  /** The most attempts of a job. @default 1 */
  readonly attempts?: number | undefined
  /** The wait before the next attempt. @default none */
  readonly backoff?: TaskBackoff | undefined
  /** The most jobs of the task that all workers together start within `durationMs`. @default no limit */
  readonly rateLimit?: { readonly max: number; readonly durationMs: number } | undefined
}

/** A task with a schema for its input, or with options. */
export interface TaskDefinition<Raw, Input, Result> extends TaskOptions {
  /** Validates the input before the job is queued, and again before it runs. @default none */
  readonly input?: StandardSchema<Raw, Input> | undefined
  readonly run: TaskHandler<Input, Result>
}

/** Any task that `defineTasks` accepts. */
export type AnyTask =
  | TaskHandler<never, unknown>
  | (TaskOptions & { readonly input?: StandardSchema | undefined; readonly run: TaskHandler<never, unknown> })

type InputOfHandler<Handler> = Handler extends (input: infer Input, ...rest: never) => unknown ? Input : never

/** The input of `enqueue`: that of the schema of the task, or of its handler if it has no schema. */
export type RawInputOf<T extends AnyTask> = T extends { readonly input: StandardSchema<infer Raw, unknown> }
  ? Raw
  : T extends { readonly run: infer Handler }
    ? InputOfHandler<Handler>
    : InputOfHandler<T>

/**
 * A task whose input is validated by a schema: zod, valibot, arktype or any other Standard Schema. The handler gets the
 * output of the schema.
 * @example
 * const resize = task({ input: z.object({ id: z.number() }), attempts: 3, run: async ({ id }, task) => { … } })
 */
export function task<Raw, Input, Result>(
  definition: TaskDefinition<Raw, Input, Result> & { readonly input: StandardSchema<Raw, Input> },
): TaskDefinition<Raw, Input, Result> & { readonly input: StandardSchema<Raw, Input> } {
  return definition
}

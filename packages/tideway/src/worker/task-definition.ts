import type { StandardSchema } from './standard-schema.ts'

/** What a task is told besides its input. */
export interface TaskContext {
  /** The job: one enqueued run of the task, which may take several attempts. */
  readonly id: string
  /** The name of the task. */
  readonly name: string
  /** 1 for the first. It is run again when it throws, as often as `attempts` says, and when its worker has died. */
  readonly attempt: number
  /** Aborts when the worker has to end before the task has. With Redis the task is then run again elsewhere. */
  readonly signal: AbortSignal
  /**
   * Tells whoever the job's `notify` names how far it is, as a message of type `task.progress`. Never rejects: a task does not
   * fail because nobody can be told.
   * @param progress a number, or anything else that a channel layer carries
   */
  progress(progress: unknown): Promise<void>
}

/** Does the work. With Redis it may be run again after it was done, when its worker died just then. */
export type TaskHandler<Input, Result> = (input: Input, task: TaskContext) => Result | Promise<Result>

/** How long is waited before a failed task is tried again: always as long, or twice as long each time. */
export type TaskBackoff = number | { readonly type: 'fixed' | 'exponential'; readonly delay: number }

/** How the jobs of one task are run. */
export interface TaskOptions {
  /** The most jobs of the task that one process runs at a time. @default 1 */
  readonly concurrency?: number | undefined
  /** How often a job is tried. @default 1 */
  readonly attempts?: number | undefined
  /** How long is waited before it is tried again, in milliseconds. @default 0 */
  readonly backoff?: TaskBackoff | undefined
  /** The most jobs of the task that are begun in so many milliseconds, by all workers together. @default no limit */
  readonly rateLimit?: { readonly max: number; readonly durationMs: number } | undefined
}

/** A task with a schema for its input, or with options. */
export interface TaskDefinition<Raw, Input, Result> extends TaskOptions {
  /** Checks the input before it is queued, and once more before it is run. @default none */
  readonly input?: StandardSchema<Raw, Input> | undefined
  readonly run: TaskHandler<Input, Result>
}

/** Any task, as `defineTasks` takes it. */
export type AnyTask =
  | TaskHandler<never, unknown>
  | (TaskOptions & { readonly input?: StandardSchema | undefined; readonly run: TaskHandler<never, unknown> })

type InputOfHandler<Handler> = Handler extends (input: infer Input, ...rest: never) => unknown ? Input : never

/** What `enqueue` of the task takes: what its schema takes, or else its handler. */
export type RawInputOf<T extends AnyTask> = T extends { readonly input: StandardSchema<infer Raw, unknown> }
  ? Raw
  : T extends { readonly run: infer Handler }
    ? InputOfHandler<Handler>
    : InputOfHandler<T>

/**
 * A task whose input a schema checks: zod, valibot, arktype or any other that follows Standard Schema. The handler gets
 * what the schema makes of the input.
 * @example
 * const resize = task({ input: z.object({ id: z.number() }), attempts: 3, run: async ({ id }, task) => { … } })
 */
export function task<Raw, Input, Result>(
  definition: TaskDefinition<Raw, Input, Result> & { readonly input: StandardSchema<Raw, Input> },
): TaskDefinition<Raw, Input, Result> & { readonly input: StandardSchema<Raw, Input> } {
  return definition
}

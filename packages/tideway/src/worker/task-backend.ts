import type { LayerFinding } from '../layer/channel-layer.ts'
import type { TaskAudience } from './task-events.ts'
import type { TaskBackoff } from './task-definition.ts'

/** When a task is run again and again. */
export type TaskRepeat =
  | { readonly every: number; readonly pattern?: never; readonly tz?: never; readonly limit?: number | undefined }
  | {
      readonly every?: never
      readonly pattern: string
      readonly tz?: string | undefined
      readonly limit?: number | undefined
    }

/** Options of `enqueue`. Times are in milliseconds. */
export interface EnqueueOptions {
  /** How long the job waits at least. @default 0 */
  readonly delay?: number | undefined
  /** How often it is tried. @default that of the task */
  readonly attempts?: number | undefined
  /** How long is waited before it is tried again. @default that of the task */
  readonly backoff?: TaskBackoff | undefined
  /** From 1 on, lower first; jobs without one come before all others. @default none */
  readonly priority?: number | undefined
  /**
   * A name for the job. While a job of this name waits or runs, enqueuing it again joins that one. Not a mere number, and
   * without `:`.
   * @default a new one
   */
  readonly jobId?: string | undefined
  /**
   * Runs the task on a schedule, named by `jobId` (default: the name of the task) and replaced when it is enqueued again:
   * every so many milliseconds, or by a cron pattern. `limit`: so often at most.
   */
  readonly repeat?: TaskRepeat | undefined
  /** Who is told of progress, result and failure. @default nobody */
  readonly notify?: TaskAudience | undefined
}

/** What is queued of a job. */
export interface TaskPayload {
  readonly input: unknown
  readonly notify?: TaskAudience | undefined
}

/** A job that is being run. */
export interface RunningTask {
  readonly task: string
  readonly id: string
  readonly attempt: number
  readonly payload: TaskPayload
  readonly signal: AbortSignal
}

/** Runs jobs, wherever they come from. */
export interface TaskRunner {
  /** Rejects when the job fails. */
  run(job: RunningTask): Promise<void>
  /** The job has failed for the last time. */
  failed(job: Pick<RunningTask, 'task' | 'id' | 'payload'>, error: unknown): Promise<void>
}

/** What works on the jobs until it is stopped. */
export interface TaskWork {
  /** Resolves when it has been stopped. */
  readonly ended: Promise<void>
  /**
   * Takes no more jobs, and resolves when those at work are done.
   * @param timeoutMs after it they are left behind, in milliseconds. Default 30000.
   */
  stop(timeoutMs?: number): Promise<void>
}

/** Where jobs wait: in Redis, or in this process. */
export interface TaskBackend {
  /** Whether a job outlives the process that enqueued it, and its worker. */
  readonly isDurable: boolean
  /** @returns the id of the job, or of the one that it joined */
  enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string>
  /** `false`: there was no such schedule. */
  unschedule(task: string, jobId: string): Promise<boolean>
  work(): Promise<TaskWork>
  /** Looks at where the jobs wait, for `tideway doctor`. */
  diagnose(): Promise<readonly LayerFinding[]>
  close(timeoutMs: number): Promise<void>
}

/** How long work goes on after it was told to stop unless it is told otherwise, in milliseconds. */
export const DEFAULT_STOP_TIMEOUT_MS = 30_000

import type { LayerFinding } from '../layer/channel-layer.ts'
import type { TaskAudience } from './task-events.ts'
import type { TaskBackoff } from './task-definition.ts'

/** The schedule of a task that repeats. */
export type TaskRepeat =
  | { readonly everyMs: number; readonly pattern?: never; readonly tz?: never; readonly limit?: number | undefined }
  | {
      readonly everyMs?: never
      readonly pattern: string
      readonly tz?: string | undefined
      readonly limit?: number | undefined
    }

/** Options of `enqueue`. */
export interface EnqueueOptions {
  /** The shortest time before the job runs, in milliseconds. @default 0 */
  readonly delayMs?: number | undefined
  /** The most attempts. @default that of the task */
  readonly attempts?: number | undefined
  /** The wait before the next attempt. @default that of the task */
  readonly backoff?: TaskBackoff | undefined
  /** 1 or higher, lower first. Jobs without a priority run before all others. @default none */
  readonly priority?: number | undefined
  /**
   * A name for the job. While a job of this name waits or runs, `enqueue` joins it. It is not a plain number and has no `:`.
   * @default a new name
   */
  readonly jobId?: string | undefined
  /**
   * Runs the task on a schedule: every `everyMs` milliseconds, or by a cron pattern. `jobId` names the schedule (default: the
   * name of the task); the next `enqueue` of that name replaces it. `limit` is the most runs.
   */
  readonly repeat?: TaskRepeat | undefined
  /** Receives progress, result and failure. @default none */
  readonly notify?: TaskAudience | undefined
}

/** The data of a job in the queue. */
export interface TaskPayload {
  readonly input: unknown
  readonly notify?: TaskAudience | undefined
}

/** A running job. */
export interface RunningTask {
  readonly task: string
  readonly id: string
  readonly attempt: number
  readonly payload: TaskPayload
  readonly signal: AbortSignal
}

/** Runs the jobs of a backend. */
export interface TaskRunner {
  /** Rejects if the job fails. */
  run(job: RunningTask): Promise<void>
  /** Reports a job whose last attempt failed. */
  failed(job: Pick<RunningTask, 'task' | 'id' | 'payload'>, error: unknown): Promise<void>
}

/** Running workers of tasks. */
export interface TaskWork {
  /** Resolves when the workers have stopped. */
  readonly ended: Promise<void>
  /**
   * Starts no more jobs. Resolves when the running jobs have ended.
   * @param timeoutMs the longest wait for them, in milliseconds. Default 30000.
   */
  stop(timeoutMs?: number): Promise<void>
}

/** The queues of tasks: in Redis, or in this process. */
export interface TaskBackend {
  /** Whether a job survives the end of the process that enqueued it, and of its worker. */
  readonly isDurable: boolean
  /** @returns the id of the job, or of the one that it joined */
  enqueue(task: string, payload: TaskPayload, options: EnqueueOptions): Promise<string>
  /** Returns `false` if there is no such schedule. */
  unschedule(task: string, jobId: string): Promise<boolean>
  work(): Promise<TaskWork>
  /** Checks the queues, for `tideway doctor`. */
  diagnose(): Promise<readonly LayerFinding[]>
  close(timeoutMs: number): Promise<void>
}

/** The default time for running jobs to end after `stop()`, in milliseconds. */
export const DEFAULT_STOP_TIMEOUT_MS = 30_000

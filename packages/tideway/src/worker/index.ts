/**
 * Work that would hold up connections: threads, workers for named channels, tasks.
 * @module tideway/worker
 */

export { moduleUrl, type FunctionName, type ModuleUrl } from './module-url.ts'
export {
  closeThreads,
  computeThreads,
  databaseSyncToAsync,
  databaseThreads,
  syncToAsync,
  type SyncToAsyncOptions,
  type ThreadedFunction,
} from './sync-to-async.ts'
export {
  ThreadPool,
  threadPoolDefaults,
  type ThreadCallOptions,
  type ThreadPoolOptions,
  type ThreadPoolStats,
} from './thread-pool.ts'
export { transfer } from './transfer.ts'
export { watchEventLoop, type EventLoopWatch, type WatchOptions } from './watch-event-loop.ts'
export { Worker, workerDefaults, type WorkerOptions, type WorkerStats } from './worker.ts'
export {
  closeTasks,
  defineTasks,
  runTasks,
  tasksDefaults,
  type EnqueuedTask,
  type Task,
  type Tasks,
  type TasksOptions,
} from './define-tasks.ts'
export type { FullRedisTasksOptions, RedisTasksOptions } from './redis-tasks-options.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from '../errors/standard-schema.ts'
export type { EnqueueOptions, TaskRepeat, TaskWork } from './task-backend.ts'
export {
  task,
  type AnyTask,
  type RawInputOf,
  type TaskBackoff,
  type TaskContext,
  type TaskDefinition,
  type TaskHandler,
  type TaskOptions,
} from './task-definition.ts'
export type { TaskAudience, TaskEvents } from './task-events.ts'

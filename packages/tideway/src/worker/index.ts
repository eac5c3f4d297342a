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

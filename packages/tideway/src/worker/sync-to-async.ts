import { availableParallelism } from 'node:os'
import { existingModule, type FunctionName, type ModuleUrl } from './module-url.ts'
import { ThreadPool, type ThreadCallOptions } from './thread-pool.ts'

type Callable = (...args: never) => unknown

/** A function of a module, as it is called across threads. */
export interface ThreadedFunction<F extends Callable> {
  (...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>
  /**
   * The same function with other options for its calls.
   * @example await saveMessage.with({ signal: this.signal, timeoutMs: 500 })(room, text)
   */
  with(options: ThreadCallOptions): ThreadedFunction<F>
}

/** Options of {@link syncToAsync} and {@link databaseSyncToAsync}. */
export interface SyncToAsyncOptions extends ThreadCallOptions {
  /** The threads that run the function. @default {@link computeThreads} or {@link databaseThreads} */
  readonly pool?: ThreadPool | undefined
}

type FunctionOf<Module extends object, Name extends FunctionName<Module>> = Module[Name] extends Callable
  ? Module[Name]
  : never

/** Where `syncToAsync` runs functions unless it is told otherwise: a thread a core, one core left for the event loop. */
export const computeThreads: ThreadPool = new ThreadPool({ maxThreads: Math.max(1, availableParallelism() - 1) })

/** Where `databaseSyncToAsync` runs functions unless it is told otherwise: 4 threads, so 4 connections. */
export const databaseThreads: ThreadPool = new ThreadPool()

/**
 * An async function that runs a blocking function of a module in a thread, so that the event loop stays free. Arguments and
 * results are copied as `structuredClone` does it. What the function throws keeps its class name, code, stack and cause.
 *
 * A module may export `onThreadStart` and `onThreadStop`: each thread runs the first before its first call, and the
 * second when it has been idle for a while or the pool is closed. A connection to a database belongs there.
 * @throws TidewayError `ERR_NO_SUCH_MODULE` when there is no such file
 * @example
 * export const thumbnail = syncToAsync(moduleUrl<typeof import('./images.js')>('./images.js', import.meta.url), 'thumbnail')
 */
export function syncToAsync<Module extends object, Name extends FunctionName<Module>>(
  module: ModuleUrl<Module>,
  name: Name,
  options: SyncToAsyncOptions = {},
): ThreadedFunction<FunctionOf<Module, Name>> {
  const { pool = computeThreads, ...callOptions } = options
  return threaded(pool, existingModule(module), name, callOptions)
}

/**
 * {@link syncToAsync} for functions that wait for a database: in threads of their own, so that a long computation does
 * not keep them waiting.
 * @throws TidewayError `ERR_NO_SUCH_MODULE` when there is no such file
 * @example
 * const saveMessage = databaseSyncToAsync<typeof import('./db.js'), 'saveMessage'>(new URL('./db.js', import.meta.url), 'saveMessage')
 */
export function databaseSyncToAsync<Module extends object, Name extends FunctionName<Module>>(
  module: ModuleUrl<Module>,
  name: Name,
  options: SyncToAsyncOptions = {},
): ThreadedFunction<FunctionOf<Module, Name>> {
  return syncToAsync(module, name, { pool: databaseThreads, ...options })
}

/** Ends the threads of {@link computeThreads} and {@link databaseThreads}, with their `onThreadStop`: for the end of a process. */
export async function closeThreads(): Promise<void> {
  await Promise.all([computeThreads.close(), databaseThreads.close()])
}

function threaded<F extends Callable>(
  pool: ThreadPool,
  url: string,
  name: string,
  options: ThreadCallOptions,
): ThreadedFunction<F> {
  const call = (...args: unknown[]): Promise<unknown> => pool.run(url, name, args, options)
  const withOptions = (more: ThreadCallOptions): ThreadedFunction<F> =>
    threaded(pool, url, name, { ...options, ...more })
  return Object.assign(call, { with: withOptions }) as unknown as ThreadedFunction<F>
}

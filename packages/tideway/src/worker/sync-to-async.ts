import { availableParallelism } from 'node:os'
import { existingModule, type FunctionName, type ModuleUrl } from './module-url.ts'
import { ThreadPool, type ThreadCallOptions } from './thread-pool.ts'

type Callable = (...args: never) => unknown

/** A function of a module that runs in a thread. */
export interface ThreadedFunction<F extends Callable> {
  (...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>
  /**
   * Returns the same function with other options for its calls.
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

/** The default threads of `syncToAsync`: one per core, minus one core for the event loop. */
export const computeThreads: ThreadPool = new ThreadPool({ maxThreads: Math.max(1, availableParallelism() - 1) })

/** The default threads of `databaseSyncToAsync`: 4, so 4 connections. */
export const databaseThreads: ThreadPool = new ThreadPool()

/**
 * Returns an async function that runs a blocking function of a module in a thread, so that the event loop stays free.
 * Arguments and results are copied like by `structuredClone`. Errors keep their class name, code, stack and cause.
 *
 * A module may export `onThreadStart` and `onThreadStop`. Each thread runs the first before its first call, and the second
 * when it is idle for `idleTimeoutMs` or the pool closes. Open and close a database connection there.
 * @throws TidewayError `ERR_NO_SUCH_MODULE` if the file does not exist
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
 * {@link syncToAsync} for functions that wait for a database. They have separate threads, so that a long computation does
 * not delay them.
 * @throws TidewayError `ERR_NO_SUCH_MODULE` if the file does not exist
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

/** Closes {@link computeThreads} and {@link databaseThreads} at the end of a process; their threads run `onThreadStop`. */
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

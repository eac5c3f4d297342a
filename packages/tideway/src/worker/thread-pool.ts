import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { BroadcastChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import { unpackError } from './packed-error.ts'
import { STOP_TIMEOUT_MS, type ThreadAnswer, type ThreadCall, type ThreadSettings } from './thread-protocol.ts'
import { takeTransferList } from './transfer.ts'
import { forgetUse, noteUse } from './used-threads.ts'

/** Options of a {@link ThreadPool}. */
export interface ThreadPoolOptions {
  /** The most threads; one runs one call at a time. @default 4 */
  readonly maxThreads?: number | undefined
  /** The most calls that wait for a thread; one more rejects. @default 1000 */
  readonly maxQueue?: number | undefined
  /**
   * The longest time of a call, including its wait for a thread, in milliseconds. The thread of a call that runs longer is
   * terminated.
   * @default 30000
   */
  readonly timeoutMs?: number | undefined
  /** The idle time after which a thread runs `onThreadStop` and ends, in milliseconds. @default 30000 */
  readonly idleTimeoutMs?: number | undefined
  /** Receives the reports of threads that fail between two calls. @default the console */
  readonly logger?: Logger | undefined
}

/** The defaults of {@link ThreadPoolOptions}. */
export const threadPoolDefaults: Readonly<Record<'maxThreads' | 'maxQueue' | 'timeoutMs' | 'idleTimeoutMs', number>> =
  Object.freeze({ maxThreads: 4, maxQueue: 1000, timeoutMs: 30_000, idleTimeoutMs: 30_000 })

/** Options of one call. */
export interface ThreadCallOptions {
  /** Cancels the call: it rejects with the reason of the signal. The thread of a running call is terminated. */
  readonly signal?: AbortSignal | undefined
  /** @default that of the pool */
  readonly timeoutMs?: number | undefined
}

/** The present load of a pool. */
export interface ThreadPoolStats {
  readonly threads: number
  /** Calls that run in a thread. */
  readonly running: number
  /** Calls that wait for a thread. */
  readonly waiting: number
}

interface Job {
  readonly call: ThreadCall
  readonly giveUp: AbortController
  readonly resolve: (answer: ThreadAnswer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Threads for functions that block. The first call starts the first thread, and idle threads end. Waiting calls run in order.
 */
export class ThreadPool {
  readonly #maxThreads: number
  readonly #maxQueue: number
  readonly #timeoutMs: number
  readonly #settings: ThreadSettings
  readonly #logger: Logger
  // Piscina gets a call only if it has a thread for it: waiting calls in its own queue can stay there forever when the last
  // thread ends.
  readonly #waiting = new Set<Job>()
  readonly #running = new Set<Job>()
  #piscina: Piscina<ThreadCall, ThreadAnswer> | undefined
  #closed: Promise<void> | undefined
  #emptied: (() => void) | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` */
  constructor(options: ThreadPoolOptions = {}) {
    const { maxThreads, maxQueue, timeoutMs, idleTimeoutMs, logger = consoleLogger } = options
    this.#maxThreads = requireWholeNumber('maxThreads', maxThreads ?? threadPoolDefaults.maxThreads, 1000)
    this.#maxQueue = requireWholeNumber('maxQueue', maxQueue ?? threadPoolDefaults.maxQueue)
    this.#timeoutMs = requireWholeNumber('timeoutMs', timeoutMs ?? threadPoolDefaults.timeoutMs)
    this.#settings = {
      idleTimeoutMs: requireWholeNumber('idleTimeoutMs', idleTimeoutMs ?? threadPoolDefaults.idleTimeoutMs),
      control: `tideway-threads-${randomUUID()}`,
    }
    this.#logger = logger
  }

  /** The present load of the pool. */
  get stats(): ThreadPoolStats {
    const threads = this.#piscina?.threads.length ?? 0
    return { threads, running: this.#running.size, waiting: this.#waiting.size }
  }

  /**
   * Calls a function that a module exports, in a thread. `syncToAsync` is the typed way to do this.
   * @param module address of the module
   */
  async run(module: string, name: string, args: readonly unknown[], options: ThreadCallOptions = {}): Promise<unknown> {
    const { signal, timeoutMs = this.#timeoutMs } = options
    if (this.#closed !== undefined) {
      throw new TidewayError('ERR_THREAD_POOL_CLOSED', `The thread pool is closed: ${name} was not called.`)
    }
    signal?.throwIfAborted()
    if (this.#waiting.size >= this.#maxQueue) {
      throw new TidewayError(
        'ERR_THREAD_POOL_FULL',
        `${name} was not called, because ${this.#maxQueue} calls wait for the ${this.#maxThreads} threads of the pool: make fewer calls at once, make the function faster, or raise maxThreads or maxQueue.`,
      )
    }
    requireWholeNumber('timeoutMs', timeoutMs)
    const giveUp = new AbortController()
    const onAbort = (): void => giveUp.abort(signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = setTimeout(() => giveUp.abort(timedOut(name, timeoutMs)), timeoutMs)
    try {
      const answer = await this.#answerTo({ module, name, args }, giveUp)
      if ('error' in answer) throw unpackError(answer.error)
      return answer.value
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * Accepts no more calls, finishes the present ones, and ends the threads after their `onThreadStop`.
   * @param timeoutMs the longest wait for running calls, in milliseconds; then they reject. Default 10000.
   */
  close(timeoutMs = 10_000): Promise<void> {
    this.#closed ??= this.#close(timeoutMs).finally(() => forgetUse(this))
    return this.#closed
  }

  #answerTo(call: ThreadCall, giveUp: AbortController): Promise<ThreadAnswer> {
    return new Promise((resolve, reject) => {
      const job: Job = { call, giveUp, resolve, reject }
      giveUp.signal.addEventListener(
        'abort',
        () => {
          this.#waiting.delete(job)
          reject(giveUp.signal.reason)
          this.#dispatch()
        },
        { once: true },
      )
      this.#waiting.add(job)
      this.#dispatch()
    })
  }

  #dispatch(): void {
    for (const job of this.#waiting) {
      if (this.#running.size >= this.#maxThreads) return
      this.#waiting.delete(job)
      this.#running.add(job)
      void this.#runInThread(job).finally(() => {
        this.#running.delete(job)
        this.#dispatch()
      })
    }
    if (this.#running.size === 0) this.#emptied?.()
  }

  async #runInThread({ call, giveUp, resolve, reject }: Job): Promise<void> {
    try {
      this.#piscina ??= this.#start()
      const transferList = call.args.flatMap((arg) => takeTransferList(arg) ?? [])
      resolve(await this.#piscina.run(call, { signal: giveUp.signal, transferList: transferList as never }))
    } catch (error) {
      reject(explain(error, call.name))
      this.#dropStuckPool()
    }
  }

  /**
   * Forgets a pool that could not create its thread, as under Node's `--permission`. Piscina keeps the call in its queue, and
   * rejects a promise that nothing handles when it is destroyed.
   */
  #dropStuckPool(): void {
    const pool = this.#piscina
    if (pool?.threads.length === 0 && pool.queueSize > 0) this.#piscina = undefined
  }

  #start(): Piscina<ThreadCall, ThreadAnswer> {
    noteUse(this)
    const isSource = import.meta.url.endsWith('.ts')
    const piscina = new Piscina<ThreadCall, ThreadAnswer>({
      filename: fileURLToPath(new URL(isSource ? './thread.ts' : './thread.js', import.meta.url)),
      name: 'answer',
      // Without `execArgv` a thread inherits the arguments. Node refuses arguments of V8 such as `--max-old-space-size` in it.
      ...(isSource && { execArgv: withTypeScript(process.execArgv) }),
      workerData: this.#settings,
      minThreads: 0,
      maxThreads: this.#maxThreads,
      // Leaves the thread time for its `onThreadStop`.
      idleTimeout: this.#settings.idleTimeoutMs + STOP_TIMEOUT_MS,
      // A thread runs its event loop between two calls, for its idle timer and for the sockets of drivers.
      atomics: 'disabled',
      recordTiming: false,
    })
    piscina.on('error', (error: unknown) => {
      this.#logger.error({ err: error }, 'A worker thread failed between two calls, and was replaced')
    })
    return piscina
  }

  async #close(timeoutMs: number): Promise<void> {
    if (this.#piscina === undefined && this.#waiting.size === 0) return
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve
      this.#dispatch()
    })
    await resolvesWithin(emptied, timeoutMs, { ref: false })
    for (const { reject, call } of [...this.#waiting, ...this.#running]) reject(closedUnder(call.name, timeoutMs))
    this.#waiting.clear()
    if (this.#running.size === 0) await this.#stopThreads(Math.min(timeoutMs, STOP_TIMEOUT_MS))
    await this.#piscina?.destroy()
  }

  /** Makes every thread run its `onThreadStop`. */
  async #stopThreads(timeoutMs: number): Promise<void> {
    const threads = this.#piscina?.threads.length ?? 0
    if (threads === 0) return
    const control = new BroadcastChannel(this.#settings.control)
    const allStopped = new Promise<void>((resolve) => {
      let stopped = 0
      control.onmessage = () => {
        if (++stopped >= threads) resolve()
      }
    })
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
      control.postMessage('stop')
      await resolvesWithin(allStopped, timeoutMs)
    } finally {
      control.close()
    }
  }
}

/** Arguments of Node that change how modules load. */
const LOADER_ARGUMENT = /^(?:-C|--conditions|-r|--require|--import|--loader|--experimental-loader)(=|$)/

/** The arguments of a thread that runs from the sources: it needs a loader even if this process needs none. */
function withTypeScript(execArgv: readonly string[]): string[] {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const isOfLoader = (argument: string, i: number): boolean =>
    LOADER_ARGUMENT.test(argument) || LOADER_ARGUMENT.exec(execArgv[i - 1] ?? '')?.[1] === ''
  return [...execArgv.filter(isOfLoader), '--import', pathToFileURL(tsx).href]
}

/** The error for a failure outside the called function. */
function explain(error: unknown, name: string): unknown {
  if (error instanceof TidewayError) return error
  if ((error as { name?: unknown }).name === 'DataCloneError') {
    const message = `An argument of ${name} cannot be copied to a thread (${(error as Error).message}): pass plain data, without functions, sockets or promises in it.`
    return new TidewayError('ERR_NOT_CLONEABLE', message, { cause: error })
  }
  return new TidewayError(
    'ERR_THREAD_LOST',
    `The thread that ran ${name} ended before it answered: ${error instanceof Error ? error.message : String(error)}.`,
    { cause: error },
  )
}

function timedOut(name: string, timeoutMs: number): TidewayError {
  return new TidewayError(
    'ERR_CALL_TIMEOUT',
    `${name} did not answer within ${timeoutMs} ms, including the wait for a thread; its thread was terminated.`,
  )
}

function closedUnder(name: string, timeoutMs: number): TidewayError {
  return new TidewayError(
    'ERR_THREAD_POOL_CLOSED',
    `The thread pool was closed while ${name} ran, and ${name} did not end within ${timeoutMs} ms.`,
  )
}

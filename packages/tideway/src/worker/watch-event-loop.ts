import { createRequire } from 'node:module'
import { url as inspectorUrl } from 'node:inspector'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread, Worker as Thread } from 'node:worker_threads'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import { BEAT_MS, type Stall, type WatchSettings } from './watch-protocol.ts'

/** Options of {@link watchEventLoop}. */
export interface WatchOptions {
  /** The shortest block of the event loop that is reported, in milliseconds. @default 100 */
  readonly thresholdMs?: number | undefined
  /** Receives the reports. @default the console */
  readonly logger?: Logger | undefined
}

/** A running watch of the event loop. */
export interface EventLoopWatch {
  /** Resolves when the watch has started. */
  readonly ready: Promise<void>
  /** Ends the watch, and its thread. */
  stop(): Promise<void>
}

/**
 * Reports functions that block the event loop for longer than the threshold, with class and method, such as
 * `ChatConsumer.onChatMessage`. Time for which the machine gave the process no processor does not count. For development: the
 * watched code has no extra cost, but the inspector halts blocking code for a moment to read its stack. Does nothing if a
 * debugger is attached, or outside the main thread.
 *
 * JavaScript is detected while it runs. A blocking native function, such as a synchronous query, is detected when it returns,
 * and the report usually names its caller. A report names a function of the application or none.
 */
export function watchEventLoop(options: WatchOptions = {}): EventLoopWatch {
  const { logger = consoleLogger } = options
  const thresholdMs = requireWholeNumber('thresholdMs', options.thresholdMs ?? 100)
  if (!isMainThread || inspectorUrl() !== undefined) return { ready: Promise.resolve(), stop: async () => {} }
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const ownCode = fileURLToPath(new URL('..', import.meta.url))
  const thread = startThread({ beats, thresholdMs, ownCode })
  const ready = new Promise<void>((resolve) => {
    thread.once('message', resolve).once('exit', () => resolve())
  })
  // Not before, because a pending `ready` may be the only thing that keeps the process alive.
  void ready.then(() => thread.unref())
  thread.on('message', (stall: Stall | 'watching') => {
    if (stall !== 'watching') logger.warn(detailsOf(stall), describe(stall))
  })
  thread.on('error', (error) => logger.warn({ err: error }, 'The watch of the event loop failed'))
  const heartbeat = setInterval(() => Atomics.add(beats, 0, 1), BEAT_MS).unref()
  return {
    ready,
    async stop() {
      clearInterval(heartbeat)
      await thread.terminate()
    },
  }
}

function startThread(workerData: WatchSettings): Thread {
  // Without the arguments of the process: an --import of the application must not run again here.
  const options = { workerData, execArgv: [] }
  const built = new URL('./watch-thread.js', import.meta.url)
  if (!import.meta.url.endsWith('.ts')) return new Thread(built, options)
  const source = new URL('./watch-thread.ts', import.meta.url).href
  const tsx = new URL('./esm/api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx'))).href
  const script = `import('${tsx}').then(({ register }) => { register(); return import('${source}') })`
  return new Thread(script, { ...options, eval: true })
}

function describe({ blockedMs, culprit, location }: Stall): string {
  if (culprit === undefined) {
    return `The event loop, and with it every connection, was blocked for about ${blockedMs} ms outside of the application's code, as by a large message or garbage collection.`
  }
  return `${culprit} (${location}) blocked the event loop, and with it every connection, for about ${blockedMs} ms. Move the slow part to a thread with syncToAsync.`
}

function detailsOf({ stack }: Stall): object {
  return stack.length === 0 ? {} : { stack }
}

import { TidewayError } from '../errors/tideway-error.ts'
import { DESTROY_TIMEOUT_MS } from '../server/drain.ts'
import { serverDefaults, type ServeOptions } from '../server/options.ts'
import { serve, type RunningServer } from '../server/serve.ts'
import { closeTasks } from '../worker/define-tasks.ts'
import { closeUsedThreads } from '../worker/used-threads.ts'
import { watchEventLoop } from '../worker/watch-event-loop.ts'
import { endInOrder } from './end-in-order.ts'
import type { LoadedApplication } from './load-application.ts'
import { watchChannelLayers, type WatchedLayer } from './watch-channel-layers.ts'

/** An application that this process serves. */
export interface ServingProcess {
  readonly server: RunningServer
  /** Closes the server and ends the process. Later calls return the same promise. */
  stop(options?: StopOptions): Promise<never>
}

/** Options of `stop()` of a {@link ServingProcess}. */
export interface StopOptions {
  /** The time to serve on without listening, in milliseconds, because another process listens. @default none */
  readonly handoverMs?: number | undefined
  /** Whether another process may serve the clients: see `CloseOptions`. @default true */
  readonly canMove?: boolean | undefined
}

/** Advice for an address that cannot be bound, by the code of Node's error. */
const advice: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'Another program listens there. Stop it, or choose another port: --port 8001, or PORT=8001 for "npm start".',
  EACCES: 'The system does not allow it: ports below 1024 are for root. Choose another one with --port.',
  EADDRNOTAVAIL: 'This machine has no such address. Choose one of its addresses with --host, or 0.0.0.0 for all.',
  ENOTFOUND: 'There is no host of this name. Choose another one with --host.',
}

/** The longest time from the signal to the end of a process, in milliseconds. */
export function mostToStopMs(
  { drainTimeoutMs = serverDefaults.drainTimeoutMs }: ServeOptions,
  exitTimeoutMs: number,
): number {
  return drainTimeoutMs + DESTROY_TIMEOUT_MS + exitTimeoutMs
}

/**
 * Serves an application in this process.
 * @param exitTimeoutMs the longest time of everything after the drain
 * @param watched what reports the connections of the channel layers. Default: the layers
 */
export async function serveProcess(
  { application, channelLayers, tasks }: LoadedApplication,
  options: ServeOptions,
  exitTimeoutMs: number,
  watched: Readonly<Record<string, WatchedLayer>> = channelLayers,
): Promise<ServingProcess> {
  // Ends jobs first, because they may use resources that the shutdown of the application closes, and leaves time for it.
  const beforeShutdown = async (): Promise<void> => {
    if (tasks !== undefined) await closeTasks(tasks, exitTimeoutMs / 2)
  }
  const server = await listen(() => serve(application, { ...options, beforeShutdown }))
  const stopWatchingLayers = watchChannelLayers(watched, { logger: options.logger ?? serverDefaults.logger })
  const watch = process.env['NODE_ENV'] === 'production' ? undefined : watchEventLoop()
  let ended: Promise<never> | undefined
  return {
    server,
    stop({ handoverMs, canMove } = {}) {
      ended ??= endInOrder(
        [
          [
            'the connections, the tasks and the shutdown of the application',
            () => server.close(undefined, { canMove, ...(handoverMs !== undefined && { handoverMs }) }),
          ],
          ['the threads', closeUsedThreads],
          [
            'the channel layers',
            () => {
              stopWatchingLayers()
              return Promise.all(Object.values(channelLayers).map((layer) => layer.close()))
            },
          ],
          ['the watch of the event loop', () => watch?.stop()],
        ],
        mostToStopMs(options, exitTimeoutMs) + (handoverMs ?? 0),
      )
      return ended
    },
  }
}

async function listen(start: () => Promise<RunningServer>): Promise<RunningServer> {
  try {
    return await start()
  } catch (cause) {
    const { code, syscall, address, hostname, port } = cause as SystemError
    if (syscall !== 'listen' && syscall !== 'getaddrinfo' && syscall !== 'bind') throw cause
    const what = advice[code ?? ''] ?? (cause as Error).message
    const where = `${address ?? hostname ?? 'the descriptor'}${port === undefined || port < 0 ? '' : `, port ${port}`}`
    throw new TidewayError('ERR_CANNOT_LISTEN', `Cannot listen on ${where}. ${what}`, { cause })
  }
}

/** The fields of Node's errors about an address; a Unix socket has the port -1. */
interface SystemError {
  readonly code?: string
  readonly syscall?: string
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
}

import { consoleLogger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { Lifespan } from '../server/lifespan.ts'
import { areDurable, channelLayerOf, closeTasks, runTasks } from '../worker/define-tasks.ts'
import { closeUsedThreads } from '../worker/used-threads.ts'
import { watchEventLoop } from '../worker/watch-event-loop.ts'
import { Worker } from '../worker/worker.ts'
import { endInOrder } from './end-in-order.ts'
import { exitCodes } from './exit-codes.ts'
import { loadApplication, type LoadedApplication } from './load-application.ts'
import { stopOnSignal } from './stop-on-signal.ts'
import { watchChannelLayers } from './watch-channel-layers.ts'

/** The options of `tideway worker`. */
export interface WorkerCommandOptions {
  /** The most jobs of one channel at once. */
  readonly concurrency: number
  /** The longest time of a job of a channel, in seconds. @default no limit */
  readonly jobTimeout?: number
  /** Alias of the channel layer of the jobs. */
  readonly layer: string
  /** Whether to run the durable tasks of the application. */
  readonly tasks?: boolean
  /** The longest wait for running jobs after a signal, in seconds. */
  readonly stopTimeout: number
  /** The longest time of everything after the jobs, in seconds. */
  readonly exitTimeout: number
  /** Whether the application gets lifespan events. */
  readonly lifespan: boolean
  /** The longest startup, and the longest shutdown, in seconds. */
  readonly lifespanTimeout: number
}

/** Running work of this process. */
interface Running {
  /** Rejects if the work cannot continue. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** Runs the jobs of channels, and the tasks, of an application until a signal. */
export async function workerCommand(
  file: string,
  channels: readonly string[],
  options: WorkerCommandOptions,
): Promise<void> {
  const loaded = await loadApplication(file)
  const { channelLayers } = loaded
  const lifespan = options.lifespan ? await startLifespan(loaded, options) : undefined
  const running: Running[] = []
  try {
    if (channels.length > 0) running.push(await startChannels(loaded, channels, options, lifespan?.state))
    if (options.tasks === true) running.push(await startTasks(file, loaded, options))
    if (running.length === 0) throw nothingToDo()
  } catch (error) {
    await lifespan?.shutDown()
    throw error
  }
  const stopWatchingLayers = watchChannelLayers(channelLayers, { logger: consoleLogger })
  const watch = process.env['NODE_ENV'] === 'production' ? undefined : watchEventLoop()
  const { stopTimeout, exitTimeout } = options
  let exitCode: number = exitCodes.stopped
  let ended: Promise<never> | undefined
  const stop = (): Promise<never> => {
    ended ??= endInOrder(
      [
        ['the jobs', () => Promise.all(running.map((each) => each.stop()))],
        ['the shutdown of the application', () => lifespan?.shutDown()],
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
      1000 * (stopTimeout + exitTimeout),
      exitCode,
    )
    return ended
  }
  stopOnSignal('Finishing jobs…', stop)
  try {
    await Promise.all(running.map(({ ended }) => ended))
  } catch (error) {
    // Stops the rest in order.
    console.error(error instanceof TidewayError ? `tideway: ${error.message}` : error)
    exitCode = exitCodes.failed
    await stop()
  }
}

function nothingToDo(): TidewayError {
  return new TidewayError(
    'ERR_BAD_OPTION',
    'There is nothing to do: name the channels of the jobs, as in "tideway worker application.js thumbnails", or give --tasks.',
  )
}

function startLifespan(
  { application }: LoadedApplication,
  { lifespanTimeout }: WorkerCommandOptions,
): Promise<Lifespan> {
  return Lifespan.start(application, { timeoutMs: 1000 * lifespanTimeout, logger: consoleLogger })
}

async function startChannels(
  loaded: LoadedApplication,
  channels: readonly string[],
  { layer: alias, concurrency, jobTimeout, stopTimeout }: WorkerCommandOptions,
  state: Readonly<Record<string, unknown>> | undefined,
): Promise<Running> {
  const channelLayer = crossingLayer(loaded, alias)
  const worker = new Worker({
    application: loaded.application,
    channels,
    channelLayer,
    concurrency,
    state,
    jobTimeoutMs: jobTimeout === undefined ? false : jobTimeout * 1000,
    stopTimeoutMs: stopTimeout * 1000,
  })
  await channelLayer.ready?.()
  const ended = worker.run()
  console.log(`Working on ${channels.join(', ')}, ${concurrency} at a time`)
  return { ended, stop: () => worker.stop() }
}

async function startTasks(
  file: string,
  { tasks }: LoadedApplication,
  { stopTimeout }: WorkerCommandOptions,
): Promise<Running> {
  if (tasks === undefined) {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `${file} exports no tasks: write "export const tasks = defineTasks({ … })", or export those of another module under that name.`,
    )
  }
  if (!areDurable(tasks)) {
    throw new TidewayError(
      'ERR_LOCAL_TASKS',
      'The tasks have no Redis: they run in the process that enqueues them, so this process has nothing to do. Give defineTasks the same "redis" in both processes.',
    )
  }
  if (channelLayerOf(tasks)?.isLocal === true) {
    throw new TidewayError(
      'ERR_LOCAL_CHANNEL_LAYER',
      'The channel layer of the tasks works in one process only: their progress and results cannot leave this process. Give defineTasks a Redis layer of @tideway/redis, or on one machine a ClusterChannelLayer.',
    )
  }
  const work = await runTasks(tasks)
  console.log(`Working on the tasks ${Object.keys(tasks).join(', ')}`)
  return {
    ended: work.ended,
    stop: () => closeTasks(tasks, stopTimeout * 1000),
  }
}

/** The layer of that alias. @throws TidewayError if it does not connect processes */
function crossingLayer({ channelLayers }: LoadedApplication, alias: string): ChannelLayer {
  const layer = channelLayers[alias]
  if (layer === undefined) {
    const known = Object.keys(channelLayers).join(', ') || 'none'
    throw new TidewayError(
      'ERR_NO_CHANNEL_LAYER',
      `The application has no channel layer "${alias}" for jobs; it has ${known}. Give defineApplication one in channelLayers, or name another with --layer.`,
    )
  }
  if (layer.isLocal !== true) return layer
  throw new TidewayError(
    'ERR_LOCAL_CHANNEL_LAYER',
    `The channel layer "${alias}" works in one process only: messages of the server never reach this process. Use a Redis layer of @tideway/redis in both, or on one machine a ClusterChannelLayer, or run the jobs within the server: new Worker({ application, channels, channelLayer }).run().`,
  )
}

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { InMemoryChannelLayer } from '../layer/in-memory-channel-layer.ts'
import { areDurable, areTasks, channelLayerOf, closeTasks, runTasks } from '../worker/define-tasks.ts'
import { closeUsedThreads } from '../worker/used-threads.ts'
import { watchEventLoop } from '../worker/watch-event-loop.ts'
import { Worker } from '../worker/worker.ts'
import { loadApplication } from './load-application.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** The options of `tideway worker`. */
export interface WorkerCommandOptions {
  /** Jobs of one channel at a time. */
  readonly concurrency: number
  /** Alias of the channel layer to take jobs from. */
  readonly layer: string
  /** Whether to work on the durable tasks of the application. */
  readonly tasks?: boolean
  /** How long jobs may go on after the process was told to stop, in seconds. */
  readonly stopTimeout: number
}

/** What works in this process until it is stopped. */
interface Running {
  /** Rejects when going on makes no sense. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** Does the jobs of the channels, and the tasks, of an application until the process is told to stop. */
export async function workerCommand(
  file: string,
  channels: readonly string[],
  options: WorkerCommandOptions,
): Promise<void> {
  const application = await loadApplication(file)
  const running: Running[] = []
  if (channels.length > 0) running.push(await startChannels(application, channels, options))
  if (options.tasks === true) running.push(await startTasks(file, options))
  if (running.length === 0) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'There is nothing to do: name the channels to take jobs from, as in "tideway worker application.js thumbnails", or give --tasks.',
    )
  }
  const watch = process.env['NODE_ENV'] === 'production' ? undefined : watchEventLoop()
  const { channelLayers = {} } = application as { readonly channelLayers?: Readonly<Record<string, ChannelLayer>> }
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((each) => each.stop()))
    await Promise.all(Object.values(channelLayers).map((layer) => layer.close()))
    await closeUsedThreads()
    await watch?.stop()
  }
  stopOnSignal('Stopping: finishing jobs.', stop)
  try {
    await Promise.all(running.map(({ ended }) => ended))
  } catch (error) {
    // What still works ends in order.
    await stop()
    throw error
  }
}

async function startChannels(
  application: Application,
  channels: readonly string[],
  { layer: alias, concurrency, stopTimeout }: WorkerCommandOptions,
): Promise<Running> {
  const channelLayer = crossingLayer(application, alias)
  const worker = new Worker({
    application,
    channels,
    channelLayer,
    concurrency,
    stopTimeoutMs: stopTimeout * 1000,
  })
  await channelLayer.ready?.()
  const ended = worker.run()
  console.log(`Working on ${channels.join(', ')}, ${concurrency} at a time`)
  return { ended, stop: () => worker.stop() }
}

async function startTasks(file: string, { stopTimeout }: WorkerCommandOptions): Promise<Running> {
  const { tasks } = await loadModule(file)
  if (!areTasks(tasks)) {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `${file} exports no tasks: write "export const tasks = defineTasks({ … })", or export those of another module under that name.`,
    )
  }
  if (!areDurable(tasks)) {
    throw new TidewayError(
      'ERR_LOCAL_TASKS',
      'The tasks have no Redis: they run in the process that enqueues them, so that there is nothing to do here. Give defineTasks the same "redis" in both processes.',
    )
  }
  if (channelLayerOf(tasks) instanceof InMemoryChannelLayer) {
    throw new TidewayError(
      'ERR_LOCAL_CHANNEL_LAYER',
      'The channel layer of the tasks is in memory: their progress and results would reach nobody from this process. Give defineTasks a Redis layer of @tideway/redis.',
    )
  }
  const work = await runTasks(tasks)
  console.log(`Working on the tasks ${Object.keys(tasks).join(', ')}`)
  return {
    ended: work.ended,
    stop: () => closeTasks(tasks, stopTimeout * 1000),
  }
}

/** The layer of that name, as long as what other processes send can come through it. */
function crossingLayer(application: Application, alias: string): ChannelLayer {
  const { channelLayers = {} } = application as { readonly channelLayers?: Readonly<Record<string, ChannelLayer>> }
  const layer = channelLayers[alias]
  if (layer === undefined) {
    const known = Object.keys(channelLayers).join(', ') || 'none'
    throw new TidewayError(
      'ERR_NO_CHANNEL_LAYER',
      `The application has no channel layer "${alias}" to take jobs from; it has ${known}. Give defineApplication one in channelLayers, or name another with --layer.`,
    )
  }
  if (!(layer instanceof InMemoryChannelLayer)) return layer
  throw new TidewayError(
    'ERR_LOCAL_CHANNEL_LAYER',
    `The channel layer "${alias}" is in memory: what the server sends never reaches this process. Use a Redis layer of @tideway/redis in both, or run the jobs within the server: new Worker({ application, channels, channelLayer }).run().`,
  )
}

/** What the file exports; it has been loaded before. */
async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>
}

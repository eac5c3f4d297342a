import { setTimeout as delay } from 'node:timers/promises'
import type { Application } from '../asgi/application.ts'
import { jobEnd } from '../asgi/channel-events.ts'
import { guardedLogger } from '../asgi/guarded-logger.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { asgiVersions, type ChannelScope } from '../asgi/scope.ts'
import { readableError } from '../errors/readable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer, Message } from '../layer/channel-layer.ts'
import { requireChannelName } from '../layer/names.ts'
import { backoffMs } from './backoff.ts'
import { requirePositive } from './options.ts'

/** What a {@link Worker} is made of. */
export interface WorkerOptions {
  /** Does the jobs: usually a `channelNameRouter` or the whole application. Called once for each. */
  readonly application: Application<ChannelScope>
  /** The names of the channels to take jobs from. */
  readonly channels: Iterable<string>
  readonly channelLayer: ChannelLayer
  /** The most jobs of one channel that run at a time. @default 1 */
  readonly concurrency?: number | undefined
  /**
   * How long a job may take, in milliseconds; then it counts as failed, and the next one is taken. Nobody can stop the
   * function that does it: it goes on beside the others. `false`: for ever. @default false
   */
  readonly jobTimeoutMs?: number | false | undefined
  /** How long jobs may go on after `stop()`, in milliseconds. @default 30000 */
  readonly stopTimeoutMs?: number | undefined
  /** What `scope.state` of each job is a shallow copy of: what the application's start-up left. @default none */
  readonly state?: Readonly<Record<string, unknown>> | undefined
  /** Where lost jobs are reported. @default the console */
  readonly logger?: Logger | undefined
}

/** The defaults of {@link WorkerOptions}. */
export const workerDefaults: Required<Pick<WorkerOptions, 'concurrency' | 'jobTimeoutMs' | 'stopTimeoutMs'>> =
  Object.freeze({
    concurrency: 1,
    jobTimeoutMs: false,
    stopTimeoutMs: 30_000,
  })

/** What a worker has done since it was made. */
export interface WorkerStats {
  /** Jobs that are at work. */
  readonly running: number
  readonly done: number
  /** Jobs that threw, and are lost. */
  readonly failed: number
}

/** How long is waited before the layer is asked again, in milliseconds. */
const listenBackoff = { firstMs: 100, mostMs: 30_000 }

/** What does not get better by trying again. */
const fatalCodes: ReadonlySet<unknown> = new Set(['ERR_LAYER_CLOSED', 'ERR_CHANNEL_TAKEN', 'ERR_NO_APPLICATION'])

/** A job's application that asks for more than its one message waits, like one whose connection is idle. */
const never = new Promise<never>(() => {})

/**
 * Takes jobs from named channels, each by one worker, and calls the application once for each: one consumer a job. A job is
 * taken when there is room for it, so that what waits stays where other workers can take it.
 *
 * Each job is done at most once. It is lost when its handler throws (which is reported), when this process dies, and when
 * nobody takes it before it expires. Durable tasks are what `defineTasks` is for.
 * @example
 * const worker = new Worker({ application, channels: ['thumbnails'], channelLayer })
 * await worker.run()
 */
export class Worker {
  readonly #application: Application<ChannelScope>
  readonly #channels: readonly string[]
  readonly #layer: ChannelLayer
  readonly #concurrency: number
  readonly #jobTimeoutMs: number | false
  readonly #stopTimeoutMs: number
  readonly #state: Readonly<Record<string, unknown>> | undefined
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  /** Channels that the layer does not answer for, with how often in a row. */
  readonly #failures = new Map<string, number>()
  /** Jobs that are at work, by the name of their channel and the type of their message. */
  readonly #running = new Set<{ readonly channel: string; readonly type: string }>()
  #done = 0
  #failed = 0
  #ended: Promise<void> | undefined

  /** @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_NAME` */
  constructor(options: WorkerOptions) {
    this.#application = options.application
    this.#channels = [...new Set(options.channels)]
    if (this.#channels.length === 0) {
      throw new TidewayError('ERR_BAD_OPTION', 'A worker needs the name of at least one channel to take jobs from.')
    }
    for (const channel of this.#channels) requireChannelName(channel)
    this.#layer = options.channelLayer
    this.#concurrency = requirePositive('concurrency', options.concurrency ?? workerDefaults.concurrency, 10_000)
    const { jobTimeoutMs = false } = options
    this.#jobTimeoutMs = jobTimeoutMs === false ? false : requirePositive('jobTimeoutMs', jobTimeoutMs)
    this.#stopTimeoutMs = requirePositive('stopTimeoutMs', options.stopTimeoutMs ?? workerDefaults.stopTimeoutMs)
    this.#state = options.state
    this.#logger = guardedLogger(options.logger ?? consoleLogger)
  }

  /** What has been done so far. */
  get stats(): WorkerStats {
    return { running: this.#running.size, done: this.#done, failed: this.#failed }
  }

  /**
   * Works until `stop()`. A layer that does not answer is asked again, with pauses. Rejects when going on makes no sense:
   * the layer was closed, somebody else in this process receives from the channel, or the application has nothing for it.
   */
  run(): Promise<void> {
    this.#ended ??= this.#work()
    return this.#ended
  }

  /** Takes no more jobs, and resolves when those at work are done, or `stopTimeoutMs` later. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    // A failure is for whoever called run().
    await this.#ended?.catch(() => {})
  }

  async #work(): Promise<void> {
    const lanes = this.#channels.flatMap((channel) =>
      Array.from({ length: this.#concurrency }, () => this.#workLane(channel)),
    )
    try {
      await Promise.race([Promise.all(lanes), this.#overdue()])
      if (this.#running.size > 0) this.#reportLeft()
    } catch (error) {
      // One channel is lost: the process had better end than go on with half of its work.
      this.#stopping.abort()
      await Promise.race([Promise.allSettled(lanes), this.#overdue()])
      throw error
    }
  }

  /** Does one job after the other. */
  async #workLane(channel: string): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const message = await this.#nextJob(channel, signal)
      if (message !== undefined) await this.#doJob(channel, message)
    }
  }

  /** `undefined`: there is none, because the worker stops or the layer does not answer. */
  async #nextJob(channel: string, signal: AbortSignal): Promise<Message | undefined> {
    try {
      const message = await this.#layer.receive(channel, { signal })
      if (this.#failures.delete(channel)) this.#logger.info({ channel }, `Listening to ${channel} again`)
      return message
    } catch (error) {
      if (signal.aborted) return undefined
      if (isFatal(error)) throw error
      const failures = (this.#failures.get(channel) ?? 0) + 1
      this.#failures.set(channel, failures)
      if (failures === 1) this.#logger.error({ err: error, channel }, `Cannot listen to ${channel}, trying again`)
      await delay(backoffMs(failures, listenBackoff), undefined, { signal }).catch(() => {})
      return undefined
    }
  }

  async #doJob(channel: string, message: Message): Promise<void> {
    const job = { channel, type: message.type }
    this.#running.add(job)
    try {
      await this.#withinTime(this.#call(channel, message))
      this.#done++
    } catch (thrown) {
      const error = readableError(thrown)
      this.#failed++
      this.#logger.error({ err: error, channel, type: message.type }, `A job of ${channel} failed, and is lost`)
      if (isFatal(error)) throw error
    } finally {
      this.#running.delete(job)
    }
  }

  async #withinTime(call: Promise<void>): Promise<void> {
    const timeoutMs = this.#jobTimeoutMs
    if (timeoutMs === false) return call
    let timer: NodeJS.Timeout | undefined
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `The job was not done within ${timeoutMs} ms. What does it goes on, beside the next one.`
        reject(new TidewayError('ERR_APPLICATION_TIMEOUT', message))
      }, timeoutMs)
    })
    try {
      await Promise.race([call, overdue])
    } finally {
      clearTimeout(timer)
    }
  }

  async #call(channel: string, message: Message): Promise<void> {
    const events = [message, jobEnd]
    const state = this.#state
    const scope: ChannelScope = {
      type: 'channel',
      channel,
      asgi: asgiVersions,
      logger: this.#logger,
      ...(state !== undefined && { state: { ...state } }),
    }
    await this.#application(scope, () => events.shift() ?? never, refuseToSend)
  }

  /** Resolves when the time of the jobs that are at work is over. */
  #overdue(): Promise<void> {
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      const wait = (): void => void setTimeout(resolve, this.#stopTimeoutMs).unref()
      if (signal.aborted) wait()
      else signal.addEventListener('abort', wait, { once: true })
    })
  }

  #reportLeft(): void {
    const jobs = [...this.#running]
    const message = `${jobs.length} jobs were not done ${this.#stopTimeoutMs} ms after the worker was stopped, and are left behind`
    this.#logger.error({ jobs }, message)
  }
}

function isFatal(error: unknown): boolean {
  return error instanceof TidewayError && fatalCodes.has(error.code)
}

function refuseToSend(): never {
  throw new TidewayError(
    'ERR_OUT_OF_TURN',
    "A worker's application has nobody to send to: send to a channel or a group of the channel layer.",
  )
}

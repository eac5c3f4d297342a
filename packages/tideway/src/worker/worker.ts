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
import { backoffMs } from '../errors/backoff.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'

/** Options of a {@link Worker}. */
export interface WorkerOptions {
  /** Runs the jobs: usually a `channelNameRouter` or the whole application. The worker calls it once per job. */
  readonly application: Application<ChannelScope>
  /** The names of the channels whose messages are jobs. */
  readonly channels: Iterable<string>
  readonly channelLayer: ChannelLayer
  /** The most jobs of one channel that run at once. @default 1 */
  readonly concurrency?: number | undefined
  /**
   * The longest time of a job, in milliseconds; then it counts as failed, and the next one starts. Its function cannot be
   * stopped and runs on beside the next job. `false`: no limit. @default false
   */
  readonly jobTimeoutMs?: number | false | undefined
  /** The longest wait for running jobs after `stop()`, in milliseconds. @default 30000 */
  readonly stopTimeoutMs?: number | undefined
  /** The state of the lifespan; `scope.state` of each job is a shallow copy. @default none */
  readonly state?: Readonly<Record<string, unknown>> | undefined
  /** Receives the reports of lost jobs. @default the console */
  readonly logger?: Logger | undefined
}

/** The defaults of {@link WorkerOptions}. */
export const workerDefaults: Required<Pick<WorkerOptions, 'concurrency' | 'jobTimeoutMs' | 'stopTimeoutMs'>> =
  Object.freeze({
    concurrency: 1,
    jobTimeoutMs: false,
    stopTimeoutMs: 30_000,
  })

/** Counts of a worker since its creation. */
export interface WorkerStats {
  /** Running jobs. */
  readonly running: number
  readonly done: number
  /** Jobs that threw and are lost. */
  readonly failed: number
}

/** The waits between two failed calls of the layer. */
const listenBackoff = { firstMs: 100, mostMs: 30_000 }

/** Errors that a retry cannot fix. */
const fatalCodes: ReadonlySet<unknown> = new Set(['ERR_LAYER_CLOSED', 'ERR_CHANNEL_TAKEN', 'ERR_NO_APPLICATION'])

/** The result of `receive()` after the one message of a job: pending, like on an idle connection. */
const never = new Promise<never>(() => {})

/**
 * Receives jobs from named channels, and calls the application once per job: one consumer per job. The worker receives a job
 * only if it can start it, so that waiting jobs stay available to other workers.
 *
 * Each job runs at most once. It is lost if its handler throws (which is logged), if this process dies, or if it expires before
 * a worker receives it. For durable tasks, use `defineTasks`.
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
  /** The failures in a row of each channel whose layer does not answer. */
  readonly #failures = new Map<string, number>()
  /** The channel and the message type of each running job. */
  readonly #running = new Set<{ readonly channel: string; readonly type: string }>()
  #done = 0
  #failed = 0
  #ended: Promise<void> | undefined

  /** @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_NAME` */
  constructor(options: WorkerOptions) {
    this.#application = options.application
    this.#channels = [...new Set(options.channels)]
    if (this.#channels.length === 0) {
      throw new TidewayError('ERR_BAD_OPTION', 'A worker needs the name of at least one channel.')
    }
    for (const channel of this.#channels) requireChannelName(channel)
    this.#layer = options.channelLayer
    this.#concurrency = requireWholeNumber('concurrency', options.concurrency ?? workerDefaults.concurrency, 10_000)
    const { jobTimeoutMs = false } = options
    this.#jobTimeoutMs = jobTimeoutMs === false ? false : requireWholeNumber('jobTimeoutMs', jobTimeoutMs)
    this.#stopTimeoutMs = requireWholeNumber('stopTimeoutMs', options.stopTimeoutMs ?? workerDefaults.stopTimeoutMs)
    this.#state = options.state
    this.#logger = guardedLogger(options.logger ?? consoleLogger)
  }

  /** Counts since the creation of the worker. */
  get stats(): WorkerStats {
    return { running: this.#running.size, done: this.#done, failed: this.#failed }
  }

  /**
   * Runs jobs until `stop()`. Retries with a back-off if the layer does not answer. Rejects if a retry cannot help: the layer
   * is closed, the channel has another receiver in this process, or the application has no route for it.
   */
  run(): Promise<void> {
    this.#ended ??= this.#work()
    return this.#ended
  }

  /** Receives no more jobs. Resolves when the running jobs have ended, or after `stopTimeoutMs`. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    // The caller of run() gets the error.
    await this.#ended?.catch(() => {})
  }

  async #work(): Promise<void> {
    const slots = this.#channels.flatMap((channel) =>
      Array.from({ length: this.#concurrency }, () => this.#runSlot(channel)),
    )
    try {
      await Promise.race([Promise.all(slots), this.#overdue()])
      if (this.#running.size > 0) this.#reportAbandoned()
    } catch (error) {
      // Ends all channels if one is lost, so that the process does not run on with half of its work.
      this.#stopping.abort()
      await Promise.race([Promise.allSettled(slots), this.#overdue()])
      throw error
    }
  }

  /** Runs one job after the other. */
  async #runSlot(channel: string): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const message = await this.#nextJob(channel, signal)
      if (message !== undefined) await this.#runJob(channel, message)
    }
  }

  /** Returns `undefined` if the worker stops or the layer does not answer. */
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
      if (failures === 1) this.#logger.error({ err: error, channel }, `Cannot listen to ${channel}, retrying`)
      await delay(backoffMs(failures, listenBackoff), undefined, { signal }).catch(() => {})
      return undefined
    }
  }

  async #runJob(channel: string, message: Message): Promise<void> {
    const job = { channel, type: message.type }
    this.#running.add(job)
    try {
      await this.#withinTimeout(this.#call(channel, message))
      this.#done++
    } catch (thrown) {
      const error = readableError(thrown)
      this.#failed++
      this.#logger.error({ err: error, channel, type: message.type }, `A job of ${channel} failed and is lost`)
      if (isFatal(error)) throw error
    } finally {
      this.#running.delete(job)
    }
  }

  async #withinTimeout(call: Promise<void>): Promise<void> {
    const timeoutMs = this.#jobTimeoutMs
    if (timeoutMs === false) return call
    if (await resolvesWithin(call, timeoutMs)) return
    const message = `The job did not end within ${timeoutMs} ms. Its function keeps running during the next job.`
    throw new TidewayError('ERR_APPLICATION_TIMEOUT', message)
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

  /** Resolves `stopTimeoutMs` after the stop. */
  #overdue(): Promise<void> {
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      const wait = (): void => void setTimeout(resolve, this.#stopTimeoutMs).unref()
      if (signal.aborted) wait()
      else signal.addEventListener('abort', wait, { once: true })
    })
  }

  #reportAbandoned(): void {
    const jobs = [...this.#running]
    const message = `${jobs.length} jobs still run ${this.#stopTimeoutMs} ms after the stop of the worker, and are abandoned`
    this.#logger.error({ jobs }, message)
  }
}

function isFatal(error: unknown): boolean {
  return error instanceof TidewayError && fatalCodes.has(error.code)
}

function refuseToSend(): never {
  throw new TidewayError(
    'ERR_OUT_OF_TURN',
    'A job has no connection to send to: send to a channel or a group of the channel layer.',
  )
}

import type { Application } from '../asgi/application.ts'
import type { LifespanReceiveEvent, LifespanSendEvent } from '../asgi/lifespan-events.ts'
import type { Logger } from '../asgi/logger.ts'
import { asgiVersions, type LifespanScope } from '../asgi/scope.ts'
import { readableError } from '../errors/readable-error.ts'
import { outOfTurn } from '../errors/event-errors.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** The options of a lifespan. */
export interface LifespanOptions {
  /** How long startup and shutdown may take, each. */
  readonly timeoutMs: number
  readonly logger: Logger
}

/**
 * The lifespan of an application in one process (ASGI lifespan 2.0): the application gets its startup event before the first
 * connection and its shutdown event after the last. An application without lifespan support is served without these events.
 */
export class Lifespan {
  /** The state that the startup has set, for a shallow copy per connection; `undefined` for an application without lifespan. */
  readonly state: Record<string, unknown> | undefined
  readonly #run: LifespanRun | undefined
  readonly #options: LifespanOptions
  #ended: Promise<void> | undefined

  private constructor(run: LifespanRun | undefined, options: LifespanOptions) {
    this.#run = run
    this.state = run?.state
    this.#options = options
  }

  /**
   * Resolves when the application has started.
   * @throws TidewayError `ERR_STARTUP_FAILED` if the application reports a failure; `ERR_APPLICATION_TIMEOUT`
   */
  static async start(application: Application<LifespanScope>, options: LifespanOptions): Promise<Lifespan> {
    const run = new LifespanRun(application, options.logger)
    const answer = await within(options.timeoutMs, 'start up', run.ask({ type: 'lifespan.startup' }))
    if (answer === undefined) return new Lifespan(undefined, options)
    if (answer.type === 'lifespan.startup.complete') return new Lifespan(run, options)
    const message = 'message' in answer ? answer.message : ''
    throw new TidewayError('ERR_STARTUP_FAILED', message || 'The application failed to start and gave no reason.')
  }

  /** Sends the shutdown event, once. Never rejects: it logs failures. */
  shutDown(): Promise<void> {
    this.#ended ??= this.#shutDown()
    return this.#ended
  }

  async #shutDown(): Promise<void> {
    const { timeoutMs, logger } = this.#options
    if (this.#run === undefined) return
    try {
      const answer = await within(timeoutMs, 'shut down', this.#run.ask({ type: 'lifespan.shutdown' }))
      if (answer?.type !== 'lifespan.shutdown.failed') return
      logger.error({}, answer.message || 'The application failed to shut down and gave no reason')
    } catch (error) {
      logger.error({ err: error }, 'The application failed to shut down')
    }
  }
}

/** One call of the application: it gets one event at a time and answers each. */
class LifespanRun {
  readonly state: Record<string, unknown> = {}
  #ended = false
  #event: LifespanReceiveEvent | undefined
  #wanted: ((event: LifespanReceiveEvent) => void) | undefined
  #answered: ((answer: LifespanSendEvent | undefined) => void) | undefined

  constructor(application: Application<LifespanScope>, logger: Logger) {
    const scope: LifespanScope = { type: 'lifespan', asgi: asgiVersions, state: this.state, logger }
    // In its own microtask, so that an application that throws synchronously rejects.
    void Promise.resolve()
      .then(() =>
        application(
          scope,
          () => this.#receive(),
          (event) => this.#send(event),
        ),
      )
      .then(
        () => this.#end(),
        (error: unknown) => {
          this.#reportFailure(readableError(error), logger)
          this.#end()
        },
      )
  }

  /** Sends an event. Resolves with its answer, or with `undefined` if the application has ended without one. */
  ask(event: LifespanReceiveEvent): Promise<LifespanSendEvent | undefined> {
    if (this.#ended) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#answered = resolve
      if (this.#wanted === undefined) this.#event = event
      else this.#wanted(event)
    })
  }

  #receive(): LifespanReceiveEvent | Promise<LifespanReceiveEvent> {
    const event = this.#event
    this.#event = undefined
    if (event !== undefined) return event
    return new Promise((resolve) => {
      this.#wanted = resolve
    })
  }

  #send(event: LifespanSendEvent): void {
    const answered = this.#answered
    if (!event.type.startsWith('lifespan.')) {
      throw new TidewayError('ERR_BAD_EVENT', `${event.type} is not an event of the lifespan.`)
    }
    if (answered === undefined) throw outOfTurn(event.type, 'send one answer to each event')
    this.#answered = undefined
    answered(event)
  }

  #end(): void {
    this.#ended = true
    this.#answered?.(undefined)
  }

  /** The server continues without lifespan (ASGI lifespan 2.0). Only an application without a lifespan handler is expected to throw. */
  #reportFailure(error: unknown, logger: Logger): void {
    const hasNone = error instanceof TidewayError && error.code === 'ERR_NO_APPLICATION'
    if (hasNone) logger.debug({}, 'The application has no lifespan')
    else logger.warn({ err: error }, 'The application threw in its lifespan: the server continues without lifespan')
  }
}

async function within<T>(timeoutMs: number, what: string, answer: Promise<T>): Promise<T> {
  if (await resolvesWithin(answer, timeoutMs)) return answer
  throw new TidewayError('ERR_APPLICATION_TIMEOUT', `The application did not ${what} within ${timeoutMs} ms.`)
}

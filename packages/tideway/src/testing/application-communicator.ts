import type { Application, ReceiveEventOf, SendEventOf } from '../asgi/application.ts'
import type { Scope } from '../asgi/scope.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_SILENCE_MS, DEFAULT_TIMEOUT_MS, type CommunicatorOptions } from './communicator-options.ts'

interface Typed {
  readonly type: string
}

/**
 * Runs an application without a server: gives it events as they are, and takes those that it sends. It starts at the
 * first call. For WebSockets and HTTP the other communicators are easier.
 *
 * Every call that waits has a time-out. One whose time is over takes nothing and stops nothing: an output that comes late
 * is there for the next call. What the application throws is told by the next call, as the `cause` of its error.
 */
export class ApplicationCommunicator<S extends Scope = Scope> {
  /** What the application is called with. */
  readonly scope: S
  readonly #timeoutMs: number
  readonly #run: ApplicationRun<ReceiveEventOf<S>, SendEventOf<S> & Typed>

  constructor(application: Application<S>, scope: S, { timeoutMs = DEFAULT_TIMEOUT_MS }: CommunicatorOptions = {}) {
    this.scope = scope
    this.#timeoutMs = timeoutMs
    const owner = { takesOutput: () => true, outputAtReturn: () => undefined }
    this.#run = new ApplicationRun<ReceiveEventOf<S>, SendEventOf<S> & Typed>(owner, (receive, send) =>
      application(scope, receive, send),
    )
  }

  /** Gives the application an event. Throws when it has ended. */
  sendInput(event: ReceiveEventOf<S>): void {
    this.#run.give(event)
  }

  /** Takes the next event that the application sends. */
  receiveOutput(timeoutMs: number = this.#timeoutMs): Promise<SendEventOf<S>> {
    return this.#run.take('an event', (event) => event, timeoutMs)
  }

  /** Whether the application sends nothing for this time. What it sends is left for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    return this.#run.isSilent(timeoutMs)
  }

  /**
   * Waits this time for the application to send nothing. Rejects with what it sends, which is left for the next call.
   * @throws TidewayError `ERR_TEST_EXPECTATION`
   */
  expectNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<void> {
    return this.#run.expectNothing(timeoutMs)
  }

  /** Waits until the application has ended; rejects with what it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    return this.#run.ended(timeoutMs)
  }
}

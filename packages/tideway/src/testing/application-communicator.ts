import type { Application, ReceiveEventOf, SendEventOf } from '../asgi/application.ts'
import type { Scope } from '../asgi/scope.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_SILENCE_MS, DEFAULT_TIMEOUT_MS, type CommunicatorOptions } from './communicator-options.ts'

interface Typed {
  readonly type: string
}

/**
 * Runs an application without a server: it passes events to the application unchanged, and returns the events that the application
 * sends. The application starts at the first call. For WebSockets and HTTP the other communicators are easier.
 *
 * Every call that waits has a timeout. A timeout neither removes an event nor stops the application: a late event stays for the next
 * call. If the application throws, the next call rejects with that error as the `cause`.
 */
export class ApplicationCommunicator<S extends Scope = Scope> {
  /** The scope of the application. */
  readonly scope: S
  readonly #timeoutMs: number
  readonly #run: ApplicationRun<ReceiveEventOf<S>, SendEventOf<S> & Typed>

  constructor(application: Application<S>, scope: S, { timeoutMs = DEFAULT_TIMEOUT_MS }: CommunicatorOptions = {}) {
    this.scope = scope
    this.#timeoutMs = timeoutMs
    const owner = { acceptsOutput: () => true, outputAtReturn: () => undefined }
    this.#run = new ApplicationRun<ReceiveEventOf<S>, SendEventOf<S> & Typed>(owner, (receive, send) =>
      application(scope, receive, send),
    )
  }

  /** Passes an event to the application. Throws `ERR_TEST_EXPECTATION` if the application has ended. */
  sendInput(event: ReceiveEventOf<S>): void {
    this.#run.give(event)
  }

  /** Waits for the next event that the application sends. */
  receiveOutput(timeoutMs: number = this.#timeoutMs): Promise<SendEventOf<S>> {
    return this.#run.take('an event', (event) => event, timeoutMs)
  }

  /** Resolves with whether the application sends nothing within this time. An event that it sends stays for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    return this.#run.isSilent(timeoutMs)
  }

  /**
   * Resolves if the application sends nothing within this time. Otherwise rejects with an error that shows the event, which stays for
   * the next call.
   * @throws TidewayError `ERR_TEST_EXPECTATION`
   */
  expectNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<void> {
    return this.#run.expectNothing(timeoutMs)
  }

  /** Waits until the application has ended. Rejects with the error that it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    return this.#run.ended(timeoutMs)
  }
}

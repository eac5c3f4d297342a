import { inspect } from 'node:util'
import type { Receive, Send } from '../asgi/application.ts'
import { isConnectionClosed } from '../errors/connection-closed.ts'
import { MAX_TIMER_MS } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { deferred, type Deferred } from '../server/transport/deferred.ts'
import { EventQueue } from './event-queue.ts'

/** The callbacks of a run, which its communicator implements. */
export interface RunOwner<Output> {
  /** Called when the application sends an event. `false` drops the event. `send` throws what this throws. */
  acceptsOutput(event: Output): boolean
  /** Called when the application has returned. Returns the event that a server sends in its place, if any. */
  outputAtReturn(): Output | undefined
}

/** How the application ended. */
type End = { readonly threw: false } | { readonly threw: true; readonly error: unknown }

interface Typed {
  readonly type: string
}

/** The largest number of outputs that wait for the test. Above it `send` waits, so that an endless sender does not block the event loop. */
const MAX_PENDING_OUTPUTS = 1000

/** The number of sent events that an error message lists: the last ones. */
const LISTED_TYPES = 3

// Read before a test can install fake timers. Fake timers are for the application; they would stop the timeouts here.
const { setTimeout, clearTimeout } = globalThis

/**
 * A running application between two queues: the events to it, and the events from it. It starts at the first call. A timeout of a call
 * neither removes an event nor stops the application: a late event stays for the next call.
 */
export class ApplicationRun<Input extends Typed, Output extends Typed> {
  readonly #owner: RunOwner<Output>
  readonly #application: () => Promise<void>
  readonly #inputs = new EventQueue<Input>()
  readonly #outputs: Output[] = []
  /** The types of the last events that the application has sent, for error messages. */
  readonly #lastTypes: string[] = []
  #sentCount = 0
  readonly #watchers = new Set<() => void>()
  #started = false
  #end: End | undefined
  /** Whether a call has reported the end of the application. */
  #endIsReported = false
  #isDisconnected = false
  #capacity: Deferred | undefined

  constructor(owner: RunOwner<Output>, application: (receive: Receive<Input>, send: Send<Output>) => Promise<void>) {
    this.#owner = owner
    // An async function, so that a synchronous throw of the application becomes a rejection.
    this.#application = async () =>
      application(
        () => this.#receive(),
        (event) => this.#send(event),
      )
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** Passes an event to the application. Throws if the application has ended. */
  give(event: Input): void {
    this.#start()
    if (this.#end !== undefined) throw this.#unmet(`Wanted to give it ${event.type}`)
    this.#inputs.push(event)
  }

  /** Passes the last event to the application; every later `receive()` returns it again. Outputs no longer wait for the test. */
  giveLast(event: Input): void {
    if (this.#isDisconnected || this.hasEnded) return
    this.#isDisconnected = true
    this.#inputs.close(event)
    this.#resumeSender()
  }

  /**
   * Waits for the next output, removes it, and returns the result of `read`. If `read` returns `undefined`, the output is not the
   * expected one: the call rejects, and the output stays. It also rejects after the timeout, and if the application has ended.
   * @param what the expected output, for error messages
   */
  async take<T>(what: string, read: (event: Output) => T | undefined, timeoutMs: number): Promise<T> {
    const found = await this.#watch((): { readonly value: T } | { readonly unwanted: Output } | undefined => {
      const event = this.#outputs[0]
      if (event === undefined) return undefined
      const value = read(event)
      if (value === undefined) return { unwanted: event }
      this.#outputs.shift()
      if (this.#outputs.length < MAX_PENDING_OUTPUTS) this.#resumeSender()
      return { value }
    }, timeoutMs)
    if (found !== undefined) {
      if ('value' in found) return found.value
      throw await this.#unexpected(what, found.unwanted, timeoutMs)
    }
    throw this.#end === undefined ? this.#timedOut(what, timeoutMs) : this.#unmet(`Expected ${what}`)
  }

  /** Resolves with whether no output comes within this time. An output stays for the next call. */
  async isSilent(timeoutMs: number): Promise<boolean> {
    const output = await this.#watch(() => this.#outputs[0], timeoutMs)
    if (output !== undefined) return false
    if (this.#end?.threw === true) throw this.#unmet('Expected nothing')
    return true
  }

  /** Rejects if an output comes within this time. The error shows the output, which stays for the next call. */
  async expectNothing(timeoutMs: number): Promise<void> {
    if (await this.isSilent(timeoutMs)) return
    throw await this.#unexpected(`nothing for ${timeoutMs} ms`, this.#outputs[0]!, 0)
  }

  /** Waits until the application has ended. Rejects with the error that it threw. */
  async ended(timeoutMs: number): Promise<void> {
    await this.#watch(() => this.#end, timeoutMs)
    if (this.#end === undefined) throw this.#timedOut('the application to end', timeoutMs)
    this.#endIsReported = true
    if (this.#end.threw) throw this.#end.error
  }

  /** Waits until the application has ended. Rejects with the error that it threw, unless an earlier call has reported it. */
  async finished(timeoutMs: number): Promise<void> {
    if (!this.#endIsReported) await this.ended(timeoutMs)
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    this.#application().then(
      () => this.#returned(),
      (error: unknown) => {
        // As in the server: sending to a closed connection is no fault of the application.
        if (this.#isDisconnected && isConnectionClosed(error)) this.#returned()
        else this.#endWith({ threw: true, error })
      },
    )
  }

  #returned(): void {
    const output = this.#owner.outputAtReturn()
    if (output !== undefined) this.#outputs.push(output)
    this.#endWith({ threw: false })
  }

  #endWith(end: End): void {
    this.#end = end
    this.#changed()
  }

  #receive(): Input | Promise<Input> {
    return this.#inputs.take()
  }

  #send(event: Output): void | Promise<void> {
    if (!this.#owner.acceptsOutput(event)) return undefined
    this.#outputs.push(event)
    this.#noteType(event.type)
    this.#changed()
    if (this.#outputs.length < MAX_PENDING_OUTPUTS || this.#isDisconnected) return undefined
    this.#capacity ??= deferred()
    return this.#capacity.promise
  }

  #resumeSender(): void {
    this.#capacity?.resolve()
    this.#capacity = undefined
  }

  #noteType(type: string): void {
    this.#sentCount++
    this.#lastTypes.push(type)
    if (this.#lastTypes.length > LISTED_TYPES) this.#lastTypes.shift()
  }

  #changed(): void {
    for (const look of this.#watchers) look()
  }

  /** Calls `look` at each change until it returns a value. Resolves with `undefined` after the timeout or the end of the application. */
  #watch<T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    this.#start()
    const seen = look()
    if (seen !== undefined || this.#end !== undefined) return Promise.resolve(seen)
    return new Promise((resolve) => {
      const stop = (seen: T | undefined): void => {
        clearTimeout(timer)
        this.#watchers.delete(onChange)
        resolve(seen)
      }
      const onChange = (): void => {
        const seen = look()
        if (seen !== undefined || this.#end !== undefined) stop(seen)
      }
      const timer = setTimeout(() => stop(undefined), Math.min(timeoutMs, MAX_TIMER_MS))
      this.#watchers.add(onChange)
    })
  }

  #timedOut(what: string, timeoutMs: number): TidewayError {
    const doing = this.#inputs.isAwaited ? 'waits for its next event' : 'is busy: it does not wait for an event'
    return new TidewayError(
      'ERR_TEST_TIMEOUT',
      `Waited ${timeoutMs} ms for ${what}: the application ${this.#progress()} and ${doing}.`,
    )
  }

  async #unexpected(what: string, event: Output, timeoutMs: number): Promise<TidewayError> {
    const expectation = `Expected ${what}, but got ${formatEvent(event)}`
    // A failing consumer closes the connection first and throws then, so the error to report comes after the close.
    if (this.#isDisconnected) await this.#watch(() => this.#end, timeoutMs)
    if (this.#end?.threw === true) return this.#unmet(expectation)
    return new TidewayError('ERR_TEST_EXPECTATION', `${expectation}.`)
  }

  /** The error if the application has ended before the expected event. */
  #unmet(expectation: string): TidewayError {
    this.#endIsReported = true
    const end = this.#end!
    if (!end.threw) {
      const message = `${expectation}, but the application ${this.#progress()} and has returned.`
      return new TidewayError('ERR_TEST_EXPECTATION', message)
    }
    const { error } = end
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)
    return new TidewayError('ERR_TEST_EXPECTATION', `${expectation}, but the application threw: ${thrown}`, {
      cause: error,
    })
  }

  #progress(): string {
    const earlier = this.#sentCount > LISTED_TYPES ? '…, ' : ''
    return `has sent ${earlier}${this.#lastTypes.join(', ') || 'nothing'}`
  }
}

/** Formats an event for an error message: on one line, with a long body cut. */
function formatEvent(event: Typed): string {
  return inspect(event, { depth: 1, maxStringLength: 100, maxArrayLength: 10, breakLength: Infinity })
}

import { inspect } from 'node:util'
import type { Receive, Send } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { deferred, type Deferred } from '../server/transport/deferred.ts'
import { EventQueue } from './event-queue.ts'

/** What a run asks of its communicator. */
export interface RunOwner<Output> {
  /** The application sends the event. `false`: it means nothing any more and is dropped. What this throws, `send` throws. */
  takesOutput(event: Output): boolean
  /** The application has returned: what a server would send on its behalf. */
  outputAtReturn(): Output | undefined
}

/** How the application ended. */
type End = { readonly threw: false } | { readonly threw: true; readonly error: unknown }

interface Typed {
  readonly type: string
}

/** Outputs that nobody has taken before `send` asks the application to wait: one that never stops must not stop time. */
const MAX_UNTAKEN_OUTPUTS = 1000

/** How many of the events that the application has sent a message tells: the last ones. */
const TYPES_TOLD = 3

/** The longest time that a timer of Node takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

// Taken before a test can put fake timers in their place: those are for the application, and would stop these.
const { setTimeout, clearTimeout } = globalThis

/**
 * A running application between two queues: of events to it, and of events from it. It starts at the first call. A wait
 * whose time is over takes nothing and stops nothing: what comes late is there for the next.
 */
export class ApplicationRun<Input extends Typed, Output extends Typed> {
  readonly #owner: RunOwner<Output>
  readonly #application: () => Promise<void>
  readonly #inputs = new EventQueue<Input>()
  readonly #outputs: Output[] = []
  /** The types that the application has sent last, for messages. */
  readonly #lastTypes: string[] = []
  #sentCount = 0
  readonly #watchers = new Set<() => void>()
  #started = false
  #end: End | undefined
  /** Whether a call has told how the application ended. */
  #endIsTold = false
  #isDisconnected = false
  #room: Deferred | undefined

  constructor(owner: RunOwner<Output>, application: (receive: Receive<Input>, send: Send<Output>) => Promise<void>) {
    this.#owner = owner
    // An async function, so that what an application throws at once is what it rejects with.
    this.#application = async () =>
      application(
        () => this.#receive(),
        (event) => this.#send(event),
      )
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** Gives the application an event. Throws when it has ended. */
  give(event: Input): void {
    this.#start()
    if (this.#end !== undefined) throw this.#unmet(`Wanted to give it ${event.type}`)
    this.#inputs.push(event)
  }

  /** Gives the application its last event, which it is given again whenever it asks, and waits for no more of its outputs. */
  giveLast(event: Input): void {
    if (this.#isDisconnected || this.hasEnded) return
    this.#isDisconnected = true
    this.#inputs.close(event)
    this.#makeRoom()
  }

  /**
   * Waits for the next output and takes what is read from it. When `read` gives nothing, it is another one than was asked
   * for: that rejects, and leaves it there. So does an output that does not come in time or cannot come any more.
   * @param what the output that is asked for, for messages
   */
  async take<T>(what: string, read: (event: Output) => T | undefined, timeoutMs: number): Promise<T> {
    const found = await this.#watch((): { readonly value: T } | { readonly unwanted: Output } | undefined => {
      const event = this.#outputs[0]
      if (event === undefined) return undefined
      const value = read(event)
      if (value === undefined) return { unwanted: event }
      this.#outputs.shift()
      if (this.#outputs.length < MAX_UNTAKEN_OUTPUTS) this.#makeRoom()
      return { value }
    }, timeoutMs)
    if (found !== undefined) {
      if ('value' in found) return found.value
      throw await this.#unexpected(what, found.unwanted, timeoutMs)
    }
    throw this.#end === undefined ? this.#timedOut(what, timeoutMs) : this.#unmet(`Expected ${what}`)
  }

  /** Whether nothing comes for this time. What comes is left for the next call. */
  async isSilent(timeoutMs: number): Promise<boolean> {
    const output = await this.#watch(() => this.#outputs[0], timeoutMs)
    if (output !== undefined) return false
    if (this.#end?.threw === true) throw this.#unmet('Expected nothing')
    return true
  }

  /** Rejects if an output comes within this time, with that output; it is left for the next call. */
  async expectNothing(timeoutMs: number): Promise<void> {
    if (await this.isSilent(timeoutMs)) return
    throw await this.#unexpected(`nothing for ${timeoutMs} ms`, this.#outputs[0]!, 0)
  }

  /** Waits until the application has ended; rejects with what it threw. */
  async ended(timeoutMs: number): Promise<void> {
    await this.#watch(() => this.#end, timeoutMs)
    if (this.#end === undefined) throw this.#timedOut('the application to end', timeoutMs)
    this.#endIsTold = true
    if (this.#end.threw) throw this.#end.error
  }

  /** Waits until the application has ended; rejects with what it threw, unless an earlier call has told that. */
  async finished(timeoutMs: number): Promise<void> {
    if (!this.#endIsTold) await this.ended(timeoutMs)
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    this.#application().then(
      () => this.#returned(),
      (error: unknown) => {
        // As the server has it: sending to a client that is gone is no fault.
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
    if (!this.#owner.takesOutput(event)) return undefined
    this.#outputs.push(event)
    this.#noteType(event.type)
    this.#changed()
    if (this.#outputs.length < MAX_UNTAKEN_OUTPUTS || this.#isDisconnected) return undefined
    this.#room ??= deferred()
    return this.#room.promise
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  #noteType(type: string): void {
    this.#sentCount++
    this.#lastTypes.push(type)
    if (this.#lastTypes.length > TYPES_TOLD) this.#lastTypes.shift()
  }

  #changed(): void {
    for (const look of this.#watchers) look()
  }

  /** Looks at each change until there is something to see. `undefined`: the time is over, or the application has ended. */
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
      const timer = setTimeout(() => stop(undefined), Math.min(timeoutMs, MAX_TIMEOUT_MS))
      this.#watchers.add(onChange)
    })
  }

  #timedOut(what: string, timeoutMs: number): TidewayError {
    const doing = this.#inputs.isAwaited ? 'waits for its next event' : 'is busy: it does not wait for an event'
    return new TidewayError(
      'ERR_TEST_TIMEOUT',
      `Waited ${timeoutMs} ms for ${what}: the application ${this.#story()} and ${doing}.`,
    )
  }

  async #unexpected(what: string, event: Output, timeoutMs: number): Promise<TidewayError> {
    const expectation = `Expected ${what}, but got ${shown(event)}`
    // Who fails closes the connection first and throws then: that is the cause to be told.
    if (this.#isDisconnected) await this.#watch(() => this.#end, timeoutMs)
    if (this.#end?.threw === true) return this.#unmet(expectation)
    return new TidewayError('ERR_TEST_EXPECTATION', `${expectation}.`)
  }

  /** What was expected cannot happen any more: the application has ended. */
  #unmet(expectation: string): TidewayError {
    this.#endIsTold = true
    const end = this.#end!
    if (!end.threw) {
      const message = `${expectation}, but the application ${this.#story()} and has returned.`
      return new TidewayError('ERR_TEST_EXPECTATION', message)
    }
    const { error } = end
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)
    return new TidewayError('ERR_TEST_EXPECTATION', `${expectation}, but the application threw: ${thrown}`, {
      cause: error,
    })
  }

  #story(): string {
    const earlier = this.#sentCount > TYPES_TOLD ? '…, ' : ''
    return `has sent ${earlier}${this.#lastTypes.join(', ') || 'nothing'}`
  }
}

function isConnectionClosed(error: unknown): boolean {
  return error instanceof TidewayError && error.code === 'ERR_CONNECTION_CLOSED'
}

/** An event as a message tells it: on one line, and not all of a long body. */
function shown(event: Typed): string {
  return inspect(event, { depth: 1, maxStringLength: 100, maxArrayLength: 10, breakLength: Infinity })
}

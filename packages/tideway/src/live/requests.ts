import { AsyncLocalStorage } from 'node:async_hooks'
import { isEndOfConnection } from '../consumer/consumer-errors.ts'
import { StopConsumer } from '../consumer/signals.ts'
import { findNonJson } from '../errors/json-value.ts'
import { issueText, type SchemaResult } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { Claim } from '../layer/log/answer-store.ts'
import type { KeptGroups } from '../layer/log/kept-groups.ts'
import { publishedId, type PublishedId } from './published-id.ts'
import { answerText, failureText, resultText, type RequestFrame } from './frames.ts'
import { LiveRequest, RequestError, type RequestInfo } from './request.ts'
import { ClaimRenewals } from './claim-renewals.ts'
import { RequestClaim } from './request-claim.ts'
import { StartTurns } from './start-turns.ts'

/** The connection of requests. */
export interface RequestHost {
  /** Has the request handlers as its own properties. */
  readonly consumer: object
  readonly maxRequests: number
  /** How long a repeated request waits for the first one. */
  readonly repeatTimeoutMs: number
  /** Tells the ids of different classes and users apart. */
  readonly requestScope: string
  /** Keep the answers; `undefined` if the layer has none. */
  readonly keptGroups: KeptGroups | undefined
  readonly signal: AbortSignal
  sendText(text: string): void | Promise<void>
  /** A handler has thrown. */
  report(request: string, error: unknown): void
  stop(): void
}

/** The request that runs in an async context, and the number of events that it has published without an id. */
interface RunningRequest {
  readonly scope: string
  readonly id: string
  published: number
}

const current = new AsyncLocalStorage<RunningRequest>()

/** Returns an id for the next event of the request that runs, the same if the request is repeated; `undefined` outside of one. */
export function nextEventId(): PublishedId | undefined {
  const running = current.getStore()
  return running === undefined ? undefined : publishedId(running.scope, running.id, ++running.published)
}

type AnyRequest = LiveRequest<unknown, unknown>

/** A request with its validated input. */
interface Run {
  readonly request: AnyRequest
  readonly frame: RequestFrame
  readonly input: SchemaResult<unknown>
}

/** The text of an answer; `undefined` if the request is not answered. */
type Answered = string | undefined

/** The requests of one connection. They run one after another in their order, except those that are `concurrent`. */
export class Requests {
  readonly #host: RequestHost
  /** That of the host. */
  readonly #scope: string
  readonly #turns = new StartTurns()
  /** Also those that are answered, until the answer is kept. */
  readonly #running = new Set<Promise<void>>()
  readonly #renewals = new ClaimRenewals()
  #unanswered = 0
  /** The newest request that is not concurrent, until it ends. */
  #last: Promise<unknown> | undefined

  constructor(host: RequestHost) {
    this.#host = host
    this.#scope = host.requestScope
  }

  /** Whether no handler runs. */
  get isIdle(): boolean {
    return this.#running.size === 0
  }

  receive(frame: RequestFrame): void {
    const { consumer, maxRequests } = this.#host
    const request = requestOf(consumer, frame.m)
    if (request === undefined) {
      this.#send(frame, failureText('unknown_request', `There is no request "${frame.m.slice(0, 64)}".`))
    } else if (this.#unanswered >= maxRequests) {
      this.#send(frame, failureText('rate_limited', `At most ${maxRequests} requests may be unanswered.`))
    } else {
      this.#unanswered++
      const run = this.#run(request, frame)?.finally(() => this.#running.delete(run!))
      if (run !== undefined) this.#running.add(run)
    }
  }

  /** Resolves when no handler runs. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Returns a promise only if a part is asynchronous: promises were half of the cost of a request. */
  #run(request: AnyRequest, frame: RequestFrame): Promise<void> | undefined {
    const fail = (error: unknown): void => void this.#answer(frame, this.#failure(frame.m, error))
    try {
      const { keptGroups } = this.#host
      const validated = request.schema['~standard'].validate(frame.d)
      const claim =
        frame.id === undefined || keptGroups === undefined
          ? undefined
          : new RequestClaim(keptGroups, this.#scope, frame.id)
      const taken = claim?.take()
      if (this.#turns.isIdle && !(validated instanceof Promise) && !(taken instanceof Promise)) {
        return this.#start({ request, frame, input: validated }, claim, taken)?.catch(fail)
      }
      const start = async ([input, first]: [SchemaResult<unknown>, Claim | undefined]): Promise<void> =>
        this.#start({ request, frame, input }, claim, first)
      return this.#turns.run('', Promise.all([validated, taken]), start).catch(fail)
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  /** @param first the result of the claim */
  #start(run: Run, claim: RequestClaim | undefined, first: Claim | undefined): Promise<void> | undefined {
    if (claim === undefined || first === undefined) return ended(this.#inOrder(run))
    if (first.status === 'claimed') return this.#handleOnce(run, claim)
    if (first.status === 'taken') return this.#repeat(run, claim)
    this.#answer(run.frame, first.answer)
    return undefined
  }

  /** Answers with the answer to the first request, or handles the request if its owner is killed. */
  async #repeat(run: Run, claim: RequestClaim): Promise<void> {
    const { signal, repeatTimeoutMs } = this.#host
    const { status, answer } = await claim.wait(signal, repeatTimeoutMs)
    if (status === 'answered') this.#answer(run.frame, answer)
    else await this.#handleOnce(run, claim)
  }

  #handleOnce(run: Run, claim: RequestClaim): Promise<void> | undefined {
    const handled = this.#inOrder(run)
    if (!(handled instanceof Promise)) return ended(claim.keep(handled))
    this.#renewals.add(claim)
    return handled.then((answer) => {
      this.#renewals.delete(claim)
      return claim.keep(answer)
    })
  }

  /** Runs the request after the earlier ones, so that a handler has the order of its client, as the messages of a consumer do. */
  #inOrder(run: Run): Answered | Promise<Answered> {
    if (run.request.isConcurrent) return this.#handle(run)
    const handle = (): Answered | Promise<Answered> => this.#handle(run)
    const running = this.#last === undefined ? handle() : this.#last.then(handle, handle)
    if (!(running instanceof Promise)) return running
    this.#last = running
    return running.finally(() => {
      if (this.#last === running) this.#last = undefined
    })
  }

  /** Calls the handler, and sends its answer. Returns the answer for a repeated request; `undefined` if that runs again. Never fails. */
  #handle(run: Run): Answered | Promise<Answered> {
    const fail = (error: unknown): Answered => {
      const answer = this.#answer(run.frame, this.#failure(run.frame.m, error))
      // After the end of the connection its joins are over, so that an error may be due to the end.
      return isTemporary(error) || this.#host.signal.aborted ? undefined : answer
    }
    try {
      const returned = this.#call(run)
      if (!isThenable(returned)) return this.#succeed(run, returned)
      return Promise.resolve(returned)
        .then((result) => this.#succeed(run, result))
        .catch(fail)
    } catch (error) {
      return fail(error)
    }
  }

  #call({ request: { handler }, frame: { id }, input }: Run): unknown {
    if (input.issues !== undefined) throw new RequestError('bad_input', input.issues.map(issueText).join('; '))
    const info: RequestInfo = { id, signal: this.#host.signal }
    return id === undefined
      ? handler(input.value, info)
      : current.run({ scope: this.#scope, id, published: 0 }, handler, input.value, info)
  }

  #succeed({ frame }: Run, result: unknown): Answered {
    const problem = findNonJson(result, 'the result')
    if (problem === undefined) return this.#answer(frame, resultText(result))
    throw new TidewayError('ERR_BAD_MESSAGE', `The result of the request "${frame.m}" is refused: ${problem}.`)
  }

  /** The answer for an error; `undefined` if the connection has ended or ends. */
  #failure(name: string, error: unknown): string | undefined {
    if (error instanceof RequestError) return failureText(error.code, error.message)
    if (error instanceof StopConsumer) {
      this.#host.stop()
      return undefined
    }
    if (isEndOfConnection(error, this.#host.signal)) return undefined
    if (isTemporary(error)) return failureText('unavailable', 'The server cannot reach its channel layer.')
    this.#host.report(name, error)
    return failureText('failed', 'The request failed.')
  }

  #answer(frame: RequestFrame, answer: Answered): Answered {
    this.#unanswered--
    if (answer !== undefined) this.#send(frame, answer)
    return answer
  }

  #send({ id }: RequestFrame, answer: string): void {
    if (id !== undefined) void this.#host.sendText(answerText(id, answer))
  }
}

/** A promise without its value; `undefined` for what has ended. */
function ended(value: unknown): Promise<void> | undefined {
  return value instanceof Promise ? value.then(() => {}) : undefined
}

/** Also for the queries of database libraries, which are not promises. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

const temporaryCodes: ReadonlySet<string> = new Set([
  'ERR_LAYER_UNAVAILABLE',
  'ERR_LAYER_CLOSED',
  'unavailable',
  'rate_limited',
])

/** Whether the client sends the request again after this error. */
function isTemporary(error: unknown): boolean {
  return (error instanceof TidewayError || error instanceof RequestError) && temporaryCodes.has(error.code)
}

/** Only own properties of this class are requests: a client must not reach a method by its name. */
function requestOf(consumer: object, name: string): AnyRequest | undefined {
  const value: unknown = Object.hasOwn(consumer, name) ? (consumer as Record<string, unknown>)[name] : undefined
  return value instanceof LiveRequest ? value : undefined
}

import { AsyncLocalStorage } from 'node:async_hooks'
import { isEndOfConnection } from '../consumer/consumer-errors.ts'
import { StopConsumer } from '../consumer/signals.ts'
import { findNonJson } from '../errors/json-value.ts'
import { issueText, type SchemaResult } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { KeptGroups } from '../layer/log/kept-groups.ts'
import { publishedId, type PublishedId } from './published-id.ts'
import { answerText, failureText, resultText, type RequestFrame } from './frames.ts'
import { LiveRequest, RequestError, type RequestInfo } from './request.ts'
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

/** The requests of one connection. They run one after another in their order, except those that are `concurrent`. */
export class Requests {
  readonly #host: RequestHost
  readonly #turns = new StartTurns()
  /** Also those that are answered, until the answer is kept. */
  readonly #running = new Set<Promise<void>>()
  #unanswered = 0
  /** The newest request that is not concurrent, until it ends. */
  #last: Promise<unknown> | undefined

  constructor(host: RequestHost) {
    this.#host = host
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
      const run = this.#run(request, frame).finally(() => this.#running.delete(run))
      this.#running.add(run)
    }
  }

  /** Resolves when no handler runs. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #run(request: AnyRequest, frame: RequestFrame): Promise<void> {
    const host = this.#host
    try {
      const { keptGroups, requestScope, repeatTimeoutMs } = host
      const validated = request.schema['~standard'].validate(frame.d)
      if (frame.id === undefined || keptGroups === undefined) {
        await this.#turns.run('', validated, (input) =>
          this.#inOrder(request, () => this.#handle(request, frame, input)),
        )
        return
      }
      const claim = new RequestClaim(keptGroups, requestScope, frame.id)
      await this.#turns.run('', Promise.all([validated, claim.take()]), async ([input, first]) => {
        const { status, answer } = first.status === 'taken' ? await claim.wait(host.signal, repeatTimeoutMs) : first
        if (status === 'answered') this.#answer(frame, answer)
        else await claim.keep(() => this.#inOrder(request, () => this.#handle(request, frame, input)))
      })
    } catch (error) {
      this.#answer(frame, this.#failure(frame.m, error))
    }
  }

  /** Runs the request after the earlier ones, so that a handler has the order of its client, as the messages of a consumer do. */
  async #inOrder<Result>({ isConcurrent }: AnyRequest, run: () => Promise<Result>): Promise<Result> {
    if (isConcurrent) return run()
    const running = this.#last === undefined ? run() : this.#last.then(run, run)
    this.#last = running
    try {
      return await running
    } finally {
      if (this.#last === running) this.#last = undefined
    }
  }

  /** Calls the handler, and sends its answer. Returns the answer for a repeated request; `undefined` if that runs again. */
  async #handle(request: AnyRequest, frame: RequestFrame, input: SchemaResult<unknown>): Promise<string | undefined> {
    try {
      const answer = await this.#result(request, frame, input)
      this.#answer(frame, answer)
      return answer
    } catch (error) {
      const answer = this.#failure(frame.m, error)
      this.#answer(frame, answer)
      return isTemporary(error) ? undefined : answer
    }
  }

  async #result({ handler }: AnyRequest, { id, m }: RequestFrame, input: SchemaResult<unknown>): Promise<string> {
    if (input.issues !== undefined) return failureText('bad_input', input.issues.map(issueText).join('; '))
    const { signal, requestScope: scope } = this.#host
    const info: RequestInfo = { id, signal }
    const returned: unknown = await (id === undefined
      ? handler(input.value, info)
      : current.run({ scope, id, published: 0 }, handler, input.value, info))
    const problem = findNonJson(returned, 'the result')
    if (problem === undefined) return resultText(returned)
    throw new TidewayError('ERR_BAD_MESSAGE', `The result of the request "${m}" is refused: ${problem}.`)
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

  #answer(frame: RequestFrame, answer: string | undefined): void {
    this.#unanswered--
    if (answer !== undefined) this.#send(frame, answer)
  }

  #send({ id }: RequestFrame, answer: string): void {
    if (id !== undefined) void this.#host.sendText(answerText(id, answer))
  }
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

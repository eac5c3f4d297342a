import { AsyncLocalStorage } from 'node:async_hooks'
import { isEndOfConnection } from '../consumer/consumer-errors.ts'
import { StopConsumer } from '../consumer/signals.ts'
import { findNonJson } from '../errors/json-value.ts'
import { issueText, type SchemaResult } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { derivedId } from './derived-id.ts'
import type { RequestFrame, ServerFrame } from './frames.ts'
import { LiveRequest, RequestError, type RequestInfo } from './request.ts'
import { StartTurns } from './start-turns.ts'

/** The connection of requests. */
export interface RequestHost {
  /** Has the request handlers as its own properties. */
  readonly consumer: object
  readonly maxRequests: number
  readonly signal: AbortSignal
  sendFrame(frame: ServerFrame): void | Promise<void>
  /** A handler has thrown. */
  report(request: string, error: unknown): void
  stop(): void
}

/** The result of a request: `undefined` if it is not answered. */
type Outcome = { readonly ok?: unknown } | { readonly error: { readonly code: string; readonly message: string } }

/** The request that runs in an async context, and the number of events that it has published without an id. */
interface RunningRequest {
  readonly id: string
  published: number
}

const current = new AsyncLocalStorage<RunningRequest>()

/** Returns an id for the next event of the request that runs, the same if the request is repeated; `undefined` outside of one. */
export function nextEventId(): string | undefined {
  const running = current.getStore()
  return running === undefined ? undefined : derivedId(running.id, ++running.published)
}

/** The requests of one connection. They start in their order, and run at the same time. */
export class Requests {
  readonly #host: RequestHost
  readonly #turns = new StartTurns()
  readonly #running = new Set<Promise<void>>()

  constructor(host: RequestHost) {
    this.#host = host
  }

  /** Whether no handler runs. */
  get isIdle(): boolean {
    return this.#running.size === 0
  }

  receive(frame: RequestFrame): void {
    const { id, m } = frame
    const { consumer, maxRequests } = this.#host
    const request = requestOf(consumer, m)
    if (request === undefined) {
      this.#answer(id, failure('unknown_request', `There is no request "${m.slice(0, 64)}".`))
    } else if (this.#running.size >= maxRequests) {
      this.#answer(id, failure('rate_limited', `At most ${maxRequests} requests may be unanswered.`))
    } else {
      const run = this.#run(request, frame).then((outcome) => {
        this.#running.delete(run)
        if (outcome !== undefined) this.#answer(id, outcome)
      })
      this.#running.add(run)
    }
  }

  /** Resolves when no handler runs. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #run(request: LiveRequest<unknown, unknown>, frame: RequestFrame): Promise<Outcome | undefined> {
    try {
      const validated = request.schema['~standard'].validate(frame.d)
      return await this.#turns.run('', validated, (result) => this.#handle(request, frame, result))
    } catch (error) {
      return this.#outcomeOf(frame.m, error)
    }
  }

  async #handle(
    { handler }: LiveRequest<unknown, unknown>,
    { id, m }: RequestFrame,
    validated: SchemaResult<unknown>,
  ): Promise<Outcome> {
    if (validated.issues !== undefined) return failure('bad_input', validated.issues.map(issueText).join('; '))
    const { value } = validated
    const { signal } = this.#host
    const info: RequestInfo = { id, signal }
    const returned: unknown = await (id === undefined
      ? handler(value, info)
      : current.run({ id, published: 0 }, handler, value, info))
    const problem = findNonJson(returned, 'the result')
    if (problem === undefined) return { ok: returned }
    throw new TidewayError('ERR_BAD_MESSAGE', `The result of the request "${m}" is refused: ${problem}.`)
  }

  #outcomeOf(name: string, error: unknown): Outcome | undefined {
    if (error instanceof RequestError) return failure(error.code, error.message)
    if (error instanceof StopConsumer) {
      this.#host.stop()
      return undefined
    }
    if (isEndOfConnection(error, this.#host.signal)) return undefined
    if (error instanceof TidewayError && unavailableCodes.has(error.code)) {
      return failure('unavailable', 'The server cannot reach its channel layer.')
    }
    this.#host.report(name, error)
    return failure('failed', 'The request failed.')
  }

  #answer(id: string | undefined, outcome: Outcome): void {
    if (id !== undefined) void this.#host.sendFrame({ t: 'answer', id, ...outcome })
  }
}

const unavailableCodes: ReadonlySet<string> = new Set(['ERR_LAYER_UNAVAILABLE', 'ERR_LAYER_CLOSED'])

/** Only own properties of this class are requests: a client must not reach a method by its name. */
function requestOf(consumer: object, name: string): LiveRequest<unknown, unknown> | undefined {
  const value: unknown = Object.hasOwn(consumer, name) ? (consumer as Record<string, unknown>)[name] : undefined
  return value instanceof LiveRequest ? value : undefined
}

function failure(code: string, message: string): Outcome {
  return { error: { code, message } }
}

import type { Application } from '../asgi/application.ts'
import { entriesOf, HeaderList } from '../asgi/headers.ts'
import type {
  HttpReceiveEvent,
  HttpResponseBodyEvent,
  HttpResponseStartEvent,
  HttpResponseTrailersEvent,
  HttpSendEvent,
} from '../asgi/http-events.ts'
import { nextHttpState, type HttpState } from '../asgi/http-turns.ts'
import type { HttpScope } from '../asgi/scope.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requireHeader } from '../server/handshake/require-header.ts'
import { requireLinks } from '../server/http/require-links.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_TIMEOUT_MS, DEFAULT_SILENCE_MS } from './communicator-options.ts'
import { connectionScope } from './connection-scope.ts'
import type { ConnectionOptions, OptionsArgument, WithScope } from './scope-option.ts'
import { TestResponse } from './test-response.ts'

/** The options of {@link HttpCommunicator}. */
export interface HttpCommunicatorOptions extends ConnectionOptions {
  /** The body of the request, sent in one piece. @default none */
  readonly body?: string | Uint8Array | undefined
  /** Whether the test sends the body in pieces, with `sendBody()`. @default false */
  readonly chunked?: boolean | undefined
}

/** Status and headers of a response. */
export interface ResponseHead {
  readonly status: number
  readonly headers: HeaderList
}

/** A piece of the body of a response. */
export interface BodyPiece {
  readonly body: Buffer
  /** Whether another piece follows. */
  readonly moreBody: boolean
}

/**
 * An HTTP client without a network: one request to an application, and its response, whole or in pieces. The events of the application
 * are checked by the rules of the server. The application starts at the first call.
 *
 * `options.scope` has the properties that middleware adds to the scope. The compiler requires those that the application needs;
 * `user` is anonymous by default.
 *
 * Every call that waits has a timeout. A timeout neither removes an event nor stops the application: a late event stays for the next
 * call. If the application throws, the next call rejects with that error as the `cause`.
 *
 * @example
 * const request = new HttpCommunicator(application, 'POST', '/notes/', { body: 'buy milk' })
 * expect((await request.getResponse()).status).toBe(201)
 */
export class HttpCommunicator<S extends HttpScope = HttpScope> {
  /** The scope of the application. */
  readonly scope: S
  readonly #timeoutMs: number
  readonly #request: { readonly body: string | Uint8Array; readonly chunked: boolean }
  #state: HttpState = 'waiting'
  #hasTrailers = false
  readonly #run: ApplicationRun<HttpReceiveEvent, HttpSendEvent>
  #asked = false
  #start: HttpResponseStartEvent | undefined
  readonly #body: Buffer[] = []
  #bodyIsRead = false
  readonly #trailers: (readonly [name: string, value: string])[] = []
  #trailersAreRead = false
  readonly #earlyHints: string[] = []

  /** @param url a path with or without a query, or an absolute URL */
  constructor(
    application: Application<S>,
    method: string,
    url: string,
    ...[options]: OptionsArgument<WithScope<HttpCommunicatorOptions, S>>
  ) {
    const given: HttpCommunicatorOptions & { readonly scope?: object } = options ?? {}
    const { scope, body = '', chunked = false, timeoutMs = DEFAULT_TIMEOUT_MS } = given
    const request = connectionScope(url, ['http', 'https'], given)
    // The compiler requires the other properties of S in options.scope.
    this.scope = { ...request, type: 'http', method: method.toUpperCase(), ...scope } as unknown as S
    this.#timeoutMs = timeoutMs
    this.#request = { body, chunked }
    const owner = {
      acceptsOutput: (event: HttpSendEvent) => this.#acceptsOutput(event),
      outputAtReturn: () => undefined,
    }
    this.#run = new ApplicationRun(owner, (receive, send) =>
      (application as unknown as Application<HttpScope>)(this.scope, receive, send),
    )
  }

  /** The links of the early hints that were received so far. */
  get earlyHints(): readonly string[] {
    return this.#earlyHints
  }

  /** Sends a piece of the body of a `chunked` request. The last piece has no `moreBody`. */
  sendBody(body: string | Uint8Array, { moreBody = false }: { readonly moreBody?: boolean } = {}): void {
    if (!this.#request.chunked) {
      throw new TidewayError('ERR_TEST_EXPECTATION', 'sendBody() needs a request that is created with chunked: true.')
    }
    this.#asked = true
    this.#run.give({ type: 'http.request', body: Buffer.from(body), moreBody })
  }

  /** Waits for the status and the headers. */
  async receiveHead(timeoutMs: number = this.#timeoutMs): Promise<ResponseHead> {
    this.#ask()
    this.#start ??= await this.#run.take('http.response.start', startIn, timeoutMs)
    return { status: this.#start.status, headers: HeaderList.from(this.#start.headers ?? []) }
  }

  /** Waits for the next piece of the response body. */
  async receiveBody(timeoutMs: number = this.#timeoutMs): Promise<BodyPiece> {
    await this.receiveHead(timeoutMs)
    if (this.#bodyIsRead) {
      throw new TidewayError(
        'ERR_TEST_EXPECTATION',
        'Expected http.response.body, but the last piece has been received.',
      )
    }
    const { body = '', moreBody = false } = await this.#run.take('http.response.body', bodyIn, timeoutMs)
    this.#bodyIsRead = !moreBody
    return { body: Buffer.from(body), moreBody }
  }

  /**
   * Waits for the whole response. Its body has the pieces that `receiveBody()` has not returned.
   * @param timeoutMs the time for each piece
   */
  async getResponse(timeoutMs: number = this.#timeoutMs): Promise<TestResponse> {
    const { status, headers } = await this.receiveHead(timeoutMs)
    while (!this.#bodyIsRead) this.#body.push((await this.receiveBody(timeoutMs)).body)
    if (this.#start?.trailers === true) await this.#receiveTrailers(timeoutMs)
    return new TestResponse(status, headers, Buffer.concat(this.#body), this.#trailers)
  }

  /** Resolves with whether the application sends nothing within this time. An event that it sends stays for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    this.#ask()
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

  /**
   * Disconnects the client if the response is not complete. Waits until the application has ended. Rejects with the error that it threw,
   * unless an earlier call has reported it.
   */
  async disconnect(timeoutMs: number = this.#timeoutMs): Promise<void> {
    if (!this.#asked) return
    if (this.#state !== 'complete') this.#state = 'disconnected'
    this.#run.giveLast({ type: 'http.disconnect' })
    await this.#run.finished(timeoutMs)
  }

  /** Waits until the application has ended. Rejects with the error that it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    this.#ask()
    return this.#run.ended(timeoutMs)
  }

  /** Calls {@link disconnect}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  #ask(): void {
    if (this.#asked) return
    this.#asked = true
    if (this.#request.chunked) return
    this.#run.give({ type: 'http.request', body: Buffer.from(this.#request.body), moreBody: false })
  }

  async #receiveTrailers(timeoutMs: number): Promise<void> {
    while (!this.#trailersAreRead) {
      const { headers, moreTrailers } = await this.#run.take('http.response.trailers', trailersIn, timeoutMs)
      this.#trailers.push(...entriesOf(headers))
      this.#trailersAreRead = moreTrailers !== true
    }
  }

  #acceptsOutput(event: HttpSendEvent): boolean {
    const next = nextHttpState(this.#state, event, this.#hasTrailers)
    if (typeof next !== 'string') throw next
    if (event.type === 'http.response.early_hint') {
      requireLinks(event.links)
      this.#earlyHints.push(...event.links)
      return false
    }
    if (event.type === 'http.response.start') {
      for (const [name, value] of entriesOf(event.headers ?? [])) requireHeader(name, value)
      this.#hasTrailers = event.trailers ?? false
    }
    this.#state = next
    // As in the server: after the complete response the application gets the disconnect.
    if (next === 'complete') this.#run.giveLast({ type: 'http.disconnect' })
    return true
  }
}

function startIn(event: HttpSendEvent): HttpResponseStartEvent | undefined {
  return event.type === 'http.response.start' ? event : undefined
}

function bodyIn(event: HttpSendEvent): HttpResponseBodyEvent | undefined {
  return event.type === 'http.response.body' ? event : undefined
}

function trailersIn(event: HttpSendEvent): HttpResponseTrailersEvent | undefined {
  return event.type === 'http.response.trailers' ? event : undefined
}

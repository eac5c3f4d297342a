import type { Application } from '../asgi/application.ts'
import { entriesOf, HeaderList } from '../asgi/headers.ts'
import type {
  HttpReceiveEvent,
  HttpResponseBodyEvent,
  HttpResponseStartEvent,
  HttpResponseTrailersEvent,
  HttpSendEvent,
} from '../asgi/http-events.ts'
import type { HttpScope } from '../asgi/scope.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_TIMEOUT_MS, DEFAULT_SILENCE_MS } from './communicator-options.ts'
import { connectionScope } from './connection-scope.ts'
import { HttpTurns } from './http-turns.ts'
import type { ConnectionOptions, OptionsArgument, WithScope } from './scope-option.ts'
import { TestResponse } from './test-response.ts'

/** What an {@link HttpCommunicator} takes. */
export interface HttpCommunicatorOptions extends ConnectionOptions {
  /** The body of the request, sent in one piece. @default none */
  readonly body?: string | Uint8Array | undefined
  /** Whether the body is sent piece by piece, with `sendBody()`. @default false */
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
  /** Whether more will follow. */
  readonly moreBody: boolean
}

/**
 * An HTTP client without a network: one request to an application, and its response, whole or piece by piece. What the
 * application sends is held to the same rules as behind the server. It starts at the first call.
 *
 * `options.scope` is what middleware would have put into the scope. Where the application asks for something there, the
 * compiler asks for it here; `user` is anonymous unless it is given.
 *
 * Every call that waits has a time-out. One whose time is over takes nothing and stops nothing: what comes late is there
 * for the next call. What the application throws is told by the next call, as the `cause` of its error.
 *
 * @example
 * const request = new HttpCommunicator(application, 'POST', '/notes/', { body: 'buy milk' })
 * expect((await request.getResponse()).status).toBe(201)
 */
export class HttpCommunicator<S extends HttpScope = HttpScope> {
  /** What the application is called with. */
  readonly scope: S
  readonly #timeoutMs: number
  readonly #request: { readonly body: string | Uint8Array; readonly chunked: boolean }
  readonly #turns = new HttpTurns()
  readonly #run: ApplicationRun<HttpReceiveEvent, HttpSendEvent>
  #asked = false
  #start: HttpResponseStartEvent | undefined
  readonly #body: Buffer[] = []
  #bodyIsRead = false
  readonly #trailers: (readonly [name: string, value: string])[] = []
  #trailersAreRead = false
  readonly #earlyHints: string[] = []

  /** @param url a path, with a query or without, or a whole URL */
  constructor(
    application: Application<S>,
    method: string,
    url: string,
    ...[options]: OptionsArgument<WithScope<HttpCommunicatorOptions, S>>
  ) {
    const given: HttpCommunicatorOptions & { readonly scope?: object } = options ?? {}
    const { scope, body = '', chunked = false, timeoutMs = DEFAULT_TIMEOUT_MS } = given
    const request = connectionScope(url, ['http', 'https'], given)
    // What S asks for beyond the request is in options.scope, or the compiler has refused the call.
    this.scope = { ...request, type: 'http', method: method.toUpperCase(), ...scope } as unknown as S
    this.#timeoutMs = timeoutMs
    this.#request = { body, chunked }
    const owner = { takesOutput: (event: HttpSendEvent) => this.#takesOutput(event), outputAtReturn: () => undefined }
    this.#run = new ApplicationRun(owner, (receive, send) =>
      (application as unknown as Application<HttpScope>)(this.scope, receive, send),
    )
  }

  /** The links of the early hints so far. */
  get earlyHints(): readonly string[] {
    return this.#earlyHints
  }

  /** Sends a piece of the request's body; the last one has no `moreBody`. For a request that is `chunked`. */
  sendBody(body: string | Uint8Array, { moreBody = false }: { readonly moreBody?: boolean } = {}): void {
    if (!this.#request.chunked) {
      throw new TidewayError('ERR_TEST_EXPECTATION', 'sendBody() is for a request that is made with chunked: true.')
    }
    this.#asked = true
    this.#run.give({ type: 'http.request', body: Buffer.from(body), moreBody })
  }

  /** The status and the headers, as soon as the application has sent them. */
  async receiveHead(timeoutMs: number = this.#timeoutMs): Promise<ResponseHead> {
    this.#ask()
    this.#start ??= await this.#run.take('http.response.start', startIn, timeoutMs)
    return { status: this.#start.status, headers: HeaderList.from(this.#start.headers ?? []) }
  }

  /** The next piece of the response's body, as soon as the application has sent it. */
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
   * The whole response; its body is what `receiveBody()` has not taken of it.
   * @param timeoutMs for each piece of it
   */
  async getResponse(timeoutMs: number = this.#timeoutMs): Promise<TestResponse> {
    const { status, headers } = await this.receiveHead(timeoutMs)
    while (!this.#bodyIsRead) this.#body.push((await this.receiveBody(timeoutMs)).body)
    if (this.#start?.trailers === true) await this.#receiveTrailers(timeoutMs)
    return new TestResponse(status, headers, Buffer.concat(this.#body), this.#trailers)
  }

  /** Whether the application sends nothing for this time. What it sends is left for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    this.#ask()
    return this.#run.isSilent(timeoutMs)
  }

  /**
   * Waits this time for the application to send nothing. Rejects with what it sends, which is left for the next call.
   * @throws TidewayError `ERR_TEST_EXPECTATION`
   */
  expectNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<void> {
    return this.#run.expectNothing(timeoutMs)
  }

  /**
   * The client goes away, if the response is not complete yet. Waits until the application has ended, and rejects with
   * what it threw, unless an earlier call has told that.
   */
  async disconnect(timeoutMs: number = this.#timeoutMs): Promise<void> {
    if (!this.#asked) return
    this.#turns.end()
    this.#run.giveLast({ type: 'http.disconnect' })
    await this.#run.finished(timeoutMs)
  }

  /** Waits until the application has ended; rejects with what it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    this.#ask()
    return this.#run.ended(timeoutMs)
  }

  /** Does what {@link disconnect} does, for `await using`. */
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

  #takesOutput(event: HttpSendEvent): boolean {
    this.#turns.take(event)
    if (event.type === 'http.response.early_hint') {
      this.#earlyHints.push(...event.links)
      return false
    }
    // As the server has it: nothing is asked of the application any more.
    if (this.#turns.isComplete) this.#run.giveLast({ type: 'http.disconnect' })
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

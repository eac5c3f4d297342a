import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application } from '../../asgi/application.ts'
import { entriesOf } from '../../asgi/headers.ts'
import type {
  HttpEarlyHintEvent,
  HttpReceiveEvent,
  HttpResponseBodyEvent,
  HttpResponseStartEvent,
  HttpResponseTrailersEvent,
  HttpSendEvent,
} from '../../asgi/http-events.ts'
import { nextHttpState, type HttpState } from '../../asgi/http-turns.ts'
import { redactTarget } from '../../asgi/redact-query.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { readableError } from '../../errors/readable-error.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { requireHeader } from '../handshake/require-header.ts'
import { requireLinks } from './require-links.ts'
import { isTrailerSocket } from './trailer-socket.ts'
import type { HttpOptions } from './http-options.ts'
import { untilDrained } from '../transport/until-drained.ts'
import { answerFailure, reportFailure, type ReportOptions } from './http-failure.ts'
import { respondText } from './plain-responses.ts'
import { RequestBody } from './request-body.ts'

/** The options that an exchange reads. */
interface ExchangeOptions extends Readonly<Required<HttpOptions>>, ReportOptions {}

/** The counters of an exchange. */
interface ExchangeCounters {
  /** Events that applications sent after the end of a response. */
  httpSendsAfterEnd: number
}

const NO_BYTES = new Uint8Array()

/** One HTTP request and its response as the application sees them. */
export class HttpExchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: ExchangeOptions
  readonly #counters: ExchangeCounters
  readonly #body: RequestBody
  /** Never `disconnected`: the response itself has that fact. */
  #state: HttpState = 'waiting'
  #start: HttpResponseStartEvent | undefined
  /** The bytes of the body still to come; `undefined` without a Content-Length of the application. */
  #bytesLeft: number | undefined
  readonly #trailers: [name: string, value: string][] = []
  #bodyEnded = false
  #timedOut = false
  #closed: Promise<HttpReceiveEvent> | undefined
  #deadline: NodeJS.Timeout | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: ExchangeOptions,
    counters: ExchangeCounters,
  ) {
    this.#request = request
    this.#response = response
    this.#options = options
    this.#counters = counters
    this.#body = new RequestBody(request)
  }

  /** Runs the application on the request. Responds itself if the application fails or does not respond. */
  async run(application: Application<HttpScope>, scope: HttpScope): Promise<void> {
    const { httpTimeoutMs } = this.#options
    if (httpTimeoutMs !== false) this.#deadline = setTimeout(() => this.#timeOut(httpTimeoutMs), httpTimeoutMs)
    try {
      await application(
        scope,
        () => this.receive(),
        (event) => this.send(event),
      )
      this.#applicationReturned()
    } catch (error) {
      this.#applicationThrew(error)
    } finally {
      clearTimeout(this.#deadline)
      this.#body.discard()
    }
  }

  /** Resolves with the next piece of the body, and after the body with the disconnect. */
  async receive(): Promise<HttpReceiveEvent> {
    if (this.#bodyEnded || this.#state === 'complete') return this.#disconnect()
    const piece = await this.#body.next()
    if (typeof piece !== 'string') return { type: 'http.request', body: piece, moreBody: true }
    this.#bodyEnded = true
    return piece === 'end' ? { type: 'http.request', body: NO_BYTES, moreBody: false } : this.#disconnect()
  }

  /** Sends an event of the application. Returns a promise if the client reads more slowly than the application sends. */
  send(event: HttpSendEvent): void | Promise<void> {
    if (this.#state === 'complete' || this.#response.destroyed) this.#counters.httpSendsAfterEnd++
    if (this.#timedOut) {
      throw new TidewayError('ERR_APPLICATION_TIMEOUT', 'The response timed out, and the server has answered 503.')
    }
    const state = this.#response.destroyed && this.#state !== 'complete' ? 'disconnected' : this.#state
    const next = nextHttpState(state, event, this.#start?.trailers ?? false)
    if (typeof next !== 'string') throw next
    switch (event.type) {
      case 'http.response.start':
        this.#startResponse(event, next)
        return undefined
      case 'http.response.body':
        return this.#sendBody(event, next)
      case 'http.response.trailers':
        this.#sendTrailers(event, next)
        return undefined
      case 'http.response.early_hint':
        this.#sendEarlyHint(event)
        return undefined
    }
  }

  #startResponse(event: HttpResponseStartEvent, next: HttpState): void {
    let bytesLeft: number | undefined
    for (const [name, value] of entriesOf(event.headers ?? [])) {
      requireHeader(name, value)
      if (name.toLowerCase() !== 'content-length') continue
      // With two of them, or an invalid one, a client could read the next response from the middle of this one.
      if (bytesLeft !== undefined || !/^\d{1,15}$/.test(value)) {
        throw new TidewayError('ERR_BAD_EVENT', 'A response has at most one Content-Length, a number of bytes.')
      }
      bytesLeft = Number(value)
    }
    this.#bytesLeft = bytesLeft
    this.#start = event
    this.#state = next
    clearTimeout(this.#deadline)
  }

  #sendEarlyHint({ links }: HttpEarlyHintEvent): void {
    requireLinks(links)
    // RFC 9110 §15.2: an HTTP/1.0 client would read it as the response.
    if (this.#request.httpVersion !== '1.0') this.#response.writeEarlyHints({ link: [...links] })
  }

  #sendBody({ body = NO_BYTES, moreBody = false }: HttpResponseBodyEvent, next: HttpState): void | Promise<void> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    if (!(bytes instanceof Uint8Array)) {
      throw new TidewayError('ERR_BAD_EVENT', 'http.response.body needs a string or a Uint8Array as body.')
    }
    if (this.#mayHaveBody && this.#bytesLeft !== undefined) this.#count(bytes.byteLength, moreBody)
    const isLast = next === 'complete'
    if (this.#state === 'started') this.#writeHead(isLast ? bytes.byteLength : undefined)
    this.#state = next
    if (isLast) {
      this.#response.end(bytes)
      this.#body.discard()
      return undefined
    }
    if (bytes.byteLength === 0 || this.#response.write(bytes)) return undefined
    return untilDrained(this.#response)
  }

  /** Checks the body against its Content-Length: with another length the client would wait, or read the rest as a response. */
  #count(byteLength: number, moreBody: boolean): void {
    const left = this.#bytesLeft! - byteLength
    if (left < 0) throw new TidewayError('ERR_BAD_EVENT', 'The body is longer than its Content-Length.')
    if (left > 0 && !moreBody) throw new TidewayError('ERR_BAD_EVENT', 'The body is shorter than its Content-Length.')
    this.#bytesLeft = left
  }

  /** Whether a response with this status to this method has a body (RFC 9110 §6.4.1). Node drops the body of any other response. */
  get #mayHaveBody(): boolean {
    const { status } = this.#start!
    return status !== 204 && status !== 304 && this.#request.method !== 'HEAD'
  }

  /** @param contentLength the length of a response that is sent whole */
  #writeHead(contentLength: number | undefined): void {
    const headers: string[] = []
    const { status } = this.#start!
    for (const [name, value] of entriesOf(this.#start!.headers ?? [])) {
      const lower = name.toLowerCase()
      // The server frames the body (ASGI: the server ignores the application's Transfer-Encoding).
      if (lower === 'transfer-encoding') continue
      // RFC 9110 §8.6.
      if (lower === 'content-length' && status === 204) continue
      headers.push(name, value)
    }
    // An application that handles HEAD sends an empty body, whose length is not the length of the response to GET.
    const isLengthKnown = this.#mayHaveBody || (this.#request.method === 'HEAD' && contentLength! > 0)
    if (this.#bytesLeft === undefined && isLengthKnown && contentLength !== undefined) {
      headers.push('Content-Length', String(contentLength))
    }
    const { socket } = this.#response
    if (this.#start!.trailers === true && isTrailerSocket(socket)) socket.expectTrailers()
    this.#response.writeHead(status, headers)
    // Clients of a stream, such as EventSource, need the head before the first piece of the body.
    if (contentLength === undefined) this.#response.flushHeaders()
  }

  #sendTrailers({ headers }: HttpResponseTrailersEvent, next: HttpState): void {
    for (const [name, value] of entriesOf(headers)) {
      requireHeader(name, value)
      this.#trailers.push([name, value])
    }
    if (next !== 'complete') return
    const wantsTrailers = /(^|[\s,])trailers\b/i.test(String(this.#request.headers['te'] ?? ''))
    const { socket } = this.#response
    if (wantsTrailers && isTrailerSocket(socket)) socket.sendTrailers(this.#trailers)
    else if (wantsTrailers) this.#response.addTrailers(this.#trailers)
    this.#state = next
    this.#response.end()
  }

  #disconnect(): Promise<HttpReceiveEvent> {
    this.#closed ??= new Promise((resolve) => {
      const event = { type: 'http.disconnect' } as const
      if (this.#response.closed || this.#response.destroyed) resolve(event)
      else this.#response.once('close', () => resolve(event))
    })
    return this.#closed
  }

  #applicationReturned(): void {
    if (this.#state === 'complete' || this.#response.destroyed) return
    const what = this.#state === 'waiting' ? 'without answering the request' : 'before its response was complete'
    this.#applicationThrew(new TidewayError('ERR_APPLICATION_RETURNED', `The application returned ${what}.`))
  }

  #applicationThrew(thrown: unknown): void {
    const error = readableError(thrown)
    const code = error instanceof TidewayError ? error.code : undefined
    // The client disconnected before the application noticed. The same code may also come from another connection.
    if (code === 'ERR_CONNECTION_CLOSED' && this.#response.destroyed) return
    // The timeout was reported when it fired.
    if (code === 'ERR_APPLICATION_TIMEOUT' && this.#timedOut) return
    reportFailure(this.#options, this.#request, error)
    if (this.#state === 'complete') return
    this.#state = 'complete'
    answerFailure(this.#response, error)
  }

  #timeOut(limitMs: number): void {
    // A nodeListener behind middleware responds without this exchange.
    if (this.#state !== 'waiting' || this.#response.headersSent || this.#response.destroyed) return
    this.#timedOut = true
    const { logger, secretQueryNames } = this.#options
    const path = redactTarget(this.#request.url!, secretQueryNames)
    logger.error({ path }, `The application did not respond within ${limitMs} ms`)
    this.#state = 'complete'
    respondText(this.#response, 503, 'Application failed to respond within time limit.')
  }
}

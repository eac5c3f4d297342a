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
import { redactTarget } from '../../asgi/redact-query.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { readableError } from '../../errors/readable-error.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { outOfTurn } from '../handshake/out-of-turn.ts'
import { requireHeader } from '../handshake/require-header.ts'
import { requireLinks } from './require-links.ts'
import { isTrailerSocket } from './trailer-socket.ts'
import type { HttpOptions } from './http-options.ts'
import { untilDrained } from '../transport/until-drained.ts'
import { answerFailure, reportFailure, type ReportOptions } from './http-failure.ts'
import { answerPlainly } from './plain-answer.ts'
import { RequestBody } from './request-body.ts'

/**
 * What the application may send:
 * - `waiting`: the start of the response.
 * - `started`: its first body; until then nothing is on the wire.
 * - `streaming`: more of its body.
 * - `trailers`: trailers, which were promised at the start.
 * - `complete`: nothing.
 */
type State = 'waiting' | 'started' | 'streaming' | 'trailers' | 'complete'

/** The options that an exchange reads. */
interface ExchangeOptions extends Readonly<Required<HttpOptions>>, ReportOptions {}

/** What an exchange counts. */
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
  #state: State = 'waiting'
  #start: HttpResponseStartEvent | undefined
  /** How much of the body has to follow; `undefined`: the application did not say. */
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

  /** Runs the application on the request, and answers for it where it does not. */
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

  /** The next piece of the body as it comes, then the disconnect. */
  async receive(): Promise<HttpReceiveEvent> {
    if (this.#bodyEnded || this.#state === 'complete') return this.#disconnect()
    const piece = await this.#body.next()
    if (typeof piece !== 'string') return { type: 'http.request', body: piece, moreBody: true }
    this.#bodyEnded = true
    return piece === 'end' ? { type: 'http.request', body: NO_BYTES, moreBody: false } : this.#disconnect()
  }

  /** Takes an event of the application. A promise: the client reads more slowly than this is sent. */
  send(event: HttpSendEvent): void | Promise<void> {
    if (this.#state === 'complete' || this.#response.destroyed) this.#counters.httpSendsAfterEnd++
    if (this.#timedOut) {
      throw new TidewayError('ERR_APPLICATION_TIMEOUT', 'The time for a response is over, and 503 has been answered.')
    }
    if (this.#response.destroyed && this.#state !== 'complete') {
      throw new TidewayError('ERR_CONNECTION_CLOSED', 'The client went away before its response was complete.')
    }
    switch (event.type) {
      case 'http.response.start':
        this.#startResponse(event)
        return undefined
      case 'http.response.body':
        return this.#sendBody(event)
      case 'http.response.trailers':
        this.#sendTrailers(event)
        return undefined
      case 'http.response.early_hint':
        this.#sendEarlyHint(event)
        return undefined
      default:
        throw new TidewayError('ERR_BAD_EVENT', `Unknown event "${(event as { type: unknown }).type as string}".`)
    }
  }

  #startResponse(event: HttpResponseStartEvent): void {
    if (this.#state !== 'waiting') throw outOfTurn(event.type, 'the response has been started')
    if (!Number.isInteger(event.status) || event.status < 200 || event.status > 999) {
      throw new TidewayError('ERR_BAD_EVENT', `http.response.start needs a status of 200 to 999, not ${event.status}.`)
    }
    let bytesLeft: number | undefined
    for (const [name, value] of entriesOf(event.headers ?? [])) {
      requireHeader(name, value)
      if (name.toLowerCase() !== 'content-length') continue
      // A second one, or one that is no number, would let the next response begin in the middle of this one.
      if (bytesLeft !== undefined || !/^\d{1,15}$/.test(value)) {
        throw new TidewayError('ERR_BAD_EVENT', 'A response has one Content-Length at most, a number of bytes.')
      }
      bytesLeft = Number(value)
    }
    this.#bytesLeft = bytesLeft
    this.#start = event
    this.#state = 'started'
    clearTimeout(this.#deadline)
  }

  #sendEarlyHint({ type, links }: HttpEarlyHintEvent): void {
    if (this.#state !== 'waiting' && this.#state !== 'started') throw outOfTurn(type, 'the response is on its way')
    requireLinks(links)
    // RFC 9110 §15.2: a client of HTTP/1.0 would take it for the response.
    if (this.#request.httpVersion !== '1.0') this.#response.writeEarlyHints({ link: [...links] })
  }

  #sendBody({ type, body = NO_BYTES, moreBody = false }: HttpResponseBodyEvent): void | Promise<void> {
    if (this.#state === 'waiting') throw outOfTurn(type, 'http.response.start comes first')
    if (this.#state !== 'started' && this.#state !== 'streaming') throw outOfTurn(type, 'the response is complete')
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    if (!(bytes instanceof Uint8Array)) {
      throw new TidewayError('ERR_BAD_EVENT', 'http.response.body needs a string or a Uint8Array as body.')
    }
    if (this.#mayHaveBody && this.#bytesLeft !== undefined) this.#count(bytes.byteLength, moreBody)
    const { trailers = false } = this.#start!
    const isLast = !moreBody && !trailers
    if (this.#state === 'started') this.#writeHead(isLast ? bytes.byteLength : undefined)
    this.#state = moreBody ? 'streaming' : trailers ? 'trailers' : 'complete'
    if (isLast) {
      this.#response.end(bytes)
      this.#body.discard()
      return undefined
    }
    if (bytes.byteLength === 0 || this.#response.write(bytes)) return undefined
    return untilDrained(this.#response)
  }

  /** Holds the body to its Content-Length: with another length the client would wait, or take the rest for a response. */
  #count(byteLength: number, moreBody: boolean): void {
    const left = this.#bytesLeft! - byteLength
    if (left < 0) throw new TidewayError('ERR_BAD_EVENT', 'The body is longer than its Content-Length.')
    if (left > 0 && !moreBody) throw new TidewayError('ERR_BAD_EVENT', 'The body is shorter than its Content-Length.')
    this.#bytesLeft = left
  }

  /** Whether a body goes out with this status and to this method (RFC 9110 §6.4.1); what the application sends of one is left out. */
  get #mayHaveBody(): boolean {
    const { status } = this.#start!
    return status !== 204 && status !== 304 && this.#request.method !== 'HEAD'
  }

  /** @param contentLength of a response that is sent whole */
  #writeHead(contentLength: number | undefined): void {
    const headers: string[] = []
    const { status } = this.#start!
    for (const [name, value] of entriesOf(this.#start!.headers ?? [])) {
      const lower = name.toLowerCase()
      // How the body is framed is the server's business (ASGI: Transfer-Encoding of an application is ignored).
      if (lower === 'transfer-encoding') continue
      // RFC 9110 §8.6.
      if (lower === 'content-length' && status === 204) continue
      headers.push(name, value)
    }
    // An application that knows HEAD sends an empty body, whose length is not that of the answer to GET.
    const isLengthKnown = this.#mayHaveBody || (this.#request.method === 'HEAD' && contentLength! > 0)
    if (this.#bytesLeft === undefined && isLengthKnown && contentLength !== undefined) {
      headers.push('Content-Length', String(contentLength))
    }
    const { socket } = this.#response
    if (this.#start!.trailers === true && isTrailerSocket(socket)) socket.expectTrailers()
    this.#response.writeHead(status, headers)
    // Events are worth nothing when they wait for the first piece of a body.
    if (contentLength === undefined) this.#response.flushHeaders()
  }

  #sendTrailers({ type, headers, moreTrailers = false }: HttpResponseTrailersEvent): void {
    if (this.#state !== 'trailers')
      throw outOfTurn(type, 'it follows the last body of a response started with trailers')
    for (const [name, value] of entriesOf(headers)) {
      requireHeader(name, value)
      this.#trailers.push([name, value])
    }
    if (moreTrailers) return
    const wantsTrailers = /(^|[\s,])trailers\b/i.test(String(this.#request.headers['te'] ?? ''))
    const { socket } = this.#response
    if (wantsTrailers && isTrailerSocket(socket)) socket.sendTrailers(this.#trailers)
    else if (wantsTrailers) this.#response.addTrailers(this.#trailers)
    this.#state = 'complete'
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
    // The client was gone before the application knew. The error may be that of some other connection, though.
    if (code === 'ERR_CONNECTION_CLOSED' && this.#response.destroyed) return
    // That has been reported when the time was over.
    if (code === 'ERR_APPLICATION_TIMEOUT' && this.#timedOut) return
    reportFailure(this.#options, this.#request, error)
    if (this.#state === 'complete') return
    this.#state = 'complete'
    answerFailure(this.#response, error)
  }

  #timeOut(limitMs: number): void {
    // A nodeListener behind middleware answers past this exchange.
    if (this.#state !== 'waiting' || this.#response.headersSent || this.#response.destroyed) return
    this.#timedOut = true
    const { logger, secretQueryNames } = this.#options
    const path = redactTarget(this.#request.url!, secretQueryNames)
    logger.error({ path }, `The application did not respond within ${limitMs} ms`)
    this.#state = 'complete'
    answerPlainly(this.#response, 503, 'Application failed to respond within time limit.')
  }
}

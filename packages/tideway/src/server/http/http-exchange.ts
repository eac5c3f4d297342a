import { validateHeaderName, validateHeaderValue, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Application } from '../../asgi/application.ts'
import { entriesOf } from '../../asgi/headers.ts'
import type {
  HttpReceiveEvent,
  HttpResponseBodyEvent,
  HttpResponseStartEvent,
  HttpResponseTrailersEvent,
  HttpSendEvent,
} from '../../asgi/http-events.ts'
import { NoRouteError } from '../../asgi/no-route-error.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { errorAnswer } from '../error-answer.ts'
import type { ResolvedOptions } from '../options.ts'

/**
 * What the application may send:
 * - `waiting`: the start of the response.
 * - `started`: its first body; until then nothing is on the wire.
 * - `streaming`: more of its body.
 * - `trailers`: trailers, which were promised at the start.
 * - `complete`: nothing.
 */
type State = 'waiting' | 'started' | 'streaming' | 'trailers' | 'complete'

const NO_BYTES = new Uint8Array()

/** One HTTP request and its response as the application sees them. */
export class HttpExchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: ResolvedOptions
  readonly #body: AsyncIterator<Buffer>
  #state: State = 'waiting'
  #start: HttpResponseStartEvent | undefined
  #bodyEnded = false
  #closed: Promise<HttpReceiveEvent> | undefined
  #deadline: NodeJS.Timeout | undefined

  constructor(request: IncomingMessage, response: ServerResponse, options: ResolvedOptions) {
    this.#request = request
    this.#response = response
    this.#options = options
    this.#body = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>
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
    }
  }

  /** The next piece of the body as it comes, then the disconnect. */
  async receive(): Promise<HttpReceiveEvent> {
    if (this.#bodyEnded) return this.#disconnect()
    try {
      const { done = false, value } = await this.#body.next()
      if (!done) return { type: 'http.request', body: value as Buffer, moreBody: true }
    } catch {
      // The client went away in the middle of its body.
      this.#bodyEnded = true
      return this.#disconnect()
    }
    this.#bodyEnded = true
    return { type: 'http.request', body: NO_BYTES, moreBody: false }
  }

  /** Takes an event of the application. A promise: the client reads more slowly than this is sent. */
  send(event: HttpSendEvent): void | Promise<void> {
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
      default:
        throw new TidewayError('ERR_BAD_EVENT', `Unknown event "${(event as { type: unknown }).type as string}".`)
    }
  }

  #startResponse(event: HttpResponseStartEvent): void {
    if (this.#state !== 'waiting') throw outOfTurn(event.type, 'the response has been started')
    if (!Number.isInteger(event.status) || event.status < 200 || event.status > 999) {
      throw new TidewayError('ERR_BAD_EVENT', `http.response.start needs a status of 200 to 999, not ${event.status}.`)
    }
    for (const [name, value] of entriesOf(event.headers ?? [])) requireHeader(name, value)
    this.#start = event
    this.#state = 'started'
    clearTimeout(this.#deadline)
  }

  #sendBody({ type, body = NO_BYTES, moreBody = false }: HttpResponseBodyEvent): void | Promise<void> {
    if (this.#state === 'waiting') throw outOfTurn(type, 'http.response.start comes first')
    if (this.#state !== 'started' && this.#state !== 'streaming') throw outOfTurn(type, 'the response is complete')
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const { trailers = false } = this.#start!
    const isLast = !moreBody && !trailers
    if (this.#state === 'started') this.#writeHead(isLast ? bytes.byteLength : undefined)
    this.#state = moreBody ? 'streaming' : trailers ? 'trailers' : 'complete'
    if (isLast) {
      this.#response.end(bytes)
      return undefined
    }
    if (bytes.byteLength === 0 || this.#response.write(bytes)) return undefined
    return new Promise((resolve) => this.#response.once('drain', resolve).once('close', resolve))
  }

  /** @param contentLength of a response that is sent whole */
  #writeHead(contentLength: number | undefined): void {
    const headers: string[] = []
    let hasLength = false
    for (const [name, value] of entriesOf(this.#start!.headers ?? [])) {
      const lower = name.toLowerCase()
      // How the body is framed is the server's business (ASGI: Transfer-Encoding of an application is ignored).
      if (lower === 'transfer-encoding') continue
      hasLength ||= lower === 'content-length'
      headers.push(name, value)
    }
    const { status } = this.#start!
    const mayHaveBody = status !== 204 && status !== 304 && this.#request.method !== 'HEAD'
    if (!hasLength && mayHaveBody && contentLength !== undefined) headers.push('Content-Length', String(contentLength))
    this.#response.writeHead(status, headers)
    // Events are worth nothing when they wait for the first piece of a body.
    if (contentLength === undefined) this.#response.flushHeaders()
  }

  #sendTrailers({ type, headers, moreTrailers = false }: HttpResponseTrailersEvent): void {
    if (this.#state !== 'trailers')
      throw outOfTurn(type, 'it follows the last body of a response started with trailers')
    const wantsTrailers = /(^|[\s,])trailers\b/i.test(String(this.#request.headers['te'] ?? ''))
    if (wantsTrailers)
      this.#response.addTrailers(Array.from(entriesOf(headers), ([name, value]) => [name, value] as const))
    if (moreTrailers) return
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

  #applicationThrew(error: unknown): void {
    if (error instanceof TidewayError && error.code === 'ERR_CONNECTION_CLOSED') return
    const { logger } = this.#options
    const { url: path } = this.#request
    if (error instanceof NoRouteError) logger.debug({ path }, error.message)
    else logger.error({ err: error, path }, 'The application failed on an HTTP request')
    const { status, message } = errorAnswer(error)
    this.#fail(status, message)
  }

  #timeOut(limitMs: number): void {
    if (this.#state !== 'waiting') return
    this.#options.logger.error({ path: this.#request.url }, `The application did not respond within ${limitMs} ms`)
    this.#fail(503, 'Application failed to respond within time limit.')
  }

  /** Answers in plain text, or cuts a response that is on its way: a client must not take half of it for the whole. */
  #fail(status: number, message: string): void {
    const isOnTheWire = this.#response.headersSent
    this.#state = 'complete'
    if (isOnTheWire) this.#response.destroy()
    else {
      this.#response.writeHead(status, {
        'Content-Type': 'text/plain; charset=utf-8',
        'X-Content-Type-Options': 'nosniff',
      })
      this.#response.end(`${message}\n`)
    }
  }
}

function requireHeader(name: string, value: string): void {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (cause) {
    throw new TidewayError('ERR_BAD_EVENT', `The header ${JSON.stringify(name)} is invalid.`, { cause })
  }
}

function outOfTurn(type: string, why: string): TidewayError {
  return new TidewayError('ERR_OUT_OF_TURN', `${type} is out of turn: ${why}.`)
}

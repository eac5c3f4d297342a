import type { WebSocketLike } from '../../web-socket-port.ts'
import type { HelloFrame, JoinFields } from '../frames.ts'
import { createEventParser } from './event-stream.ts'
import { abnormalClosure, post, refusalOf, type Closed, type HttpTarget } from './http-call.ts'
import { HttpGroups } from './http-groups.ts'
import { HttpRequests } from './http-requests.ts'

/** The options of a socket over HTTP. */
export interface HttpSocketOptions extends HttpTarget {
  readonly transport: 'stream' | 'poll'
  /** Returns the first frame of the client, which the first request already has. */
  readonly hello: () => HelloFrame
  /** The time within which a later downward request must begin to answer. */
  readonly openTimeoutMs: number
  /** The longest wait of a poll: shorter than the interval of the heartbeat, so that each answer shows a living connection. */
  readonly waitMs: number
  /** The wait of a poll whose answer the client needs soon, also if it has no news. */
  readonly shortWaitMs: number
  /** The time after which unanswered requests are sent again, because their HTTP connection may be dead. */
  readonly postTimeoutMs: number
}

/** The frames of a client. */
type ClientFrame =
  | HelloFrame
  | ({ readonly t: 'join'; readonly g: string } & JoinFields)
  | { readonly t: 'leave'; readonly g: string }
  | { readonly t: 'ping' }
  | { readonly t: 'request'; readonly id?: string }

/** The heartbeat's answer: every sign of life is one. */
const pong = '{"t":"pong"}'

/**
 * A WebSocket for the client over HTTP requests (docs/spec/live.md, "HTTP"): frames arrive in one downward request, a stream or a poll,
 * and requests go in others, one at a time. Nothing of it is on the server: a `join` or a `leave` makes a new downward request with all
 * groups, which replaces the one before once it is answered.
 */
export class HttpSocket implements WebSocketLike {
  readonly url: string
  readonly transport: 'stream' | 'poll'
  readonly protocol = ''
  readonly extensions = ''
  readyState = 0
  binaryType = ''
  onopen: ((event: never) => unknown) | null = null
  onmessage: ((event: never) => unknown) | null = null
  onclose: ((event: never) => unknown) | null = null
  onerror: ((event: never) => unknown) | null = null
  readonly #options: HttpSocketOptions
  readonly #groups = new HttpGroups()
  readonly #requests: HttpRequests
  /** The number of downward requests. */
  #count = 0
  /** The downward request that is answered, and the later one that is not answered yet. */
  #answered: AbortController | undefined
  #opening: AbortController | undefined
  /** Whether another downward request must follow the opening one. */
  #isStale = false
  /** Whether the next poll must be answered soon. */
  #isUrgent = true
  #openTimeout: ReturnType<typeof setTimeout> | undefined
  #renewal: ReturnType<typeof setTimeout> | undefined

  constructor(options: HttpSocketOptions) {
    this.#options = options
    this.url = options.url
    this.transport = options.transport
    this.#requests = new HttpRequests(options, options.postTimeoutMs, {
      onAnswer: (text) => this.#deliver(text),
      onEnd: ({ code, reason }) => this.#end(code, reason),
    })
    this.#groups.replace(options.hello().groups, 1)
    void this.#open()
  }

  get bufferedAmount(): number {
    return this.#requests.bufferedAmount
  }

  send(data: unknown): void {
    const text = data as string
    const frame = JSON.parse(text) as ClientFrame
    const next = this.#count + 1
    switch (frame.t) {
      case 'hello':
        if (this.#groups.replace(frame.groups, next)) this.#renew()
        break
      case 'join': {
        const { t: _t, g, ...fields } = frame
        this.#groups.join(g, fields, next)
        this.#renew()
        break
      }
      case 'leave':
        this.#groups.leave(frame.g, next)
        queueMicrotask(() => this.#deliver(JSON.stringify({ t: 'left', g: frame.g })))
        this.#renew()
        break
      case 'ping':
        // Only an answered downward request shows that frames can arrive.
        this.#isUrgent = true
        this.#renew()
        break
      default:
        this.#requests.add(text, frame.id)
    }
  }

  close(): void {
    this.readyState = 3
    clearTimeout(this.#renewal)
    clearTimeout(this.#openTimeout)
    this.#requests.close()
    this.#answered?.abort()
    this.#opening?.abort()
  }

  /** Makes a new downward request, once for all frames of a task. */
  #renew(): void {
    if (this.readyState !== 1) return
    if (this.#opening && this.transport === 'stream') this.#isStale = true
    else this.#renewal ??= setTimeout(() => void this.#open(), 0)
  }

  async #open(): Promise<void> {
    clearTimeout(this.#renewal)
    this.#renewal = undefined
    // A poll that waits for news.
    this.#opening?.abort()
    const abort = (this.#opening = new AbortController())
    const request = ++this.#count
    const groups = this.#groups.hello()
    const { openTimeoutMs, waitMs, shortWaitMs } = this.#options
    const isStream = this.transport === 'stream'
    const wait = isStream ? undefined : this.#isUrgent || this.#groups.isResuming ? shortWaitMs : waitMs
    this.#isStale = this.#isUrgent = false
    clearTimeout(this.#openTimeout)
    this.#openTimeout = setTimeout(() => this.#end(abnormalClosure, 'time-out'), openTimeoutMs + (wait ?? 0))
    try {
      const body = JSON.stringify({ t: 'hello', v: 1, groups, wait })
      const accept = isStream ? 'text/event-stream' : 'application/json'
      const response = await post(this.#options, body, accept, abort.signal).catch((error: unknown) => {
        // A server may close an idle HTTP connection when the client uses it again.
        if (this.readyState === 1 && !abort.signal.aborted) return post(this.#options, body, accept, abort.signal)
        throw error
      })
      const refusal = await refusalOf(response, accept)
      if (refusal) return this.#onLost(abort, refusal.code, refusal.reason)
      if (isStream) await this.#readStream(response, groups, request, abort)
      else await this.#readPoll(response, groups, request, abort)
    } catch (error) {
      this.#onLost(abort, abnormalClosure, String(error))
    }
  }

  async #readStream(
    response: Response,
    groups: HelloFrame['groups'],
    request: number,
    abort: AbortController,
  ): Promise<void> {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const decoder = new TextDecoder()
    const parse = createEventParser()
    for (;;) {
      const { done, value } = await reader.read()
      if (abort.signal.aborted) return
      if (done) break
      this.#onAnswer(abort)
      for (const { type, data } of parse(decoder.decode(value, { stream: true }))) {
        if (abort.signal.aborted) return
        if (type === 'close') {
          const { code, reason } = JSON.parse(data) as Partial<Closed>
          return this.#onLost(abort, code ?? abnormalClosure, reason ?? '')
        }
        this.#receive(data, JSON.parse(data) as object, request, groups)
      }
    }
    this.#onLost(abort, abnormalClosure, '')
  }

  async #readPoll(
    response: Response,
    groups: HelloFrame['groups'],
    request: number,
    abort: AbortController,
  ): Promise<void> {
    const frames = response.status === 204 ? undefined : ((await response.json()) as object[])
    if (abort.signal.aborted) return
    this.#onAnswer(abort)
    if (frames) for (const frame of frames) this.#receive(JSON.stringify(frame), frame, request, groups)
    else for (const text of this.#groups.confirmAll(groups, request)) this.#deliver(text)
    this.#renew()
  }

  #receive(
    text: string,
    frame: { readonly t?: string; readonly g?: string },
    request: number,
    groups: HelloFrame['groups'],
  ): void {
    if (frame.g === undefined) this.#deliver(text)
    else for (const one of this.#groups.receive(text, frame as { g: string }, request, groups)) this.#deliver(one)
  }

  /** A downward request is answered: it replaces the one before. */
  #onAnswer(abort: AbortController): void {
    if (abort === this.#opening) {
      clearTimeout(this.#openTimeout)
      this.#opening = undefined
      this.#answered?.abort()
      this.#answered = abort
      if (this.readyState === 0) {
        this.readyState = 1
        this.onopen?.({} as never)
      }
      if (this.#isStale) this.#renew()
    }
    this.#deliver(pong)
  }

  #deliver(data: string): void {
    if (this.readyState === 1) this.onmessage?.({ data } as never)
  }

  /** A downward request has ended. If a later one is opening, that one decides. */
  #onLost(abort: AbortController, code: number, reason: string): void {
    if (abort === this.#opening || (abort === this.#answered && !this.#opening)) this.#end(code, reason)
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.close()
    this.onclose?.({ code, reason } as never)
  }
}

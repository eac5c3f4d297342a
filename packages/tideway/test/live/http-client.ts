import { once } from 'node:events'
import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestOverTls, type RequestOptions } from 'node:https'
import { onTestFinished } from 'vitest'
import type { Frame } from './live-client.ts'

/** The headers of a call, and its `Accept`. */
export type CallHeaders = Readonly<Record<string, string>>

/** The answer to a poll or to requests. */
export interface CallAnswer {
  readonly status: number
  /** The JSON of the body, or its text. */
  readonly body: unknown
  readonly headers: Headers
}

/** Sends a body to the path of a live consumer. */
export async function call(url: string, body: unknown, headers: CallHeaders = {}): Promise<CallAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text, headers: response.headers }
}

/** Polls with these groups. */
export function poll(url: string, groups: object, wait = 25_000, headers: CallHeaders = {}): Promise<CallAnswer> {
  return call(url, { t: 'hello', v: 1, wait, groups }, headers)
}

/** A stream of frames, on a connection of its own. */
export class Stream {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly #reader: AsyncIterator<string>
  readonly #request: ClientRequest
  #text = ''
  /** The bytes of the body so far. */
  received = 0
  /** The comments so far. */
  comments = 0

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request
    this.status = response.statusCode!
    this.headers = response.headers
    this.#reader = response.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>
  }

  /** Opens a stream that ends with the test. */
  static async open(url: string, groups: object = {}, headers: CallHeaders = {}): Promise<Stream> {
    const stream = await Stream.connect(url, groups, { headers })
    onTestFinished(() => stream.end())
    return stream
  }

  static async connect(url: string, groups: object, { headers, ...options }: RequestOptions = {}): Promise<Stream> {
    const ask = url.startsWith('https:') ? requestOverTls : request
    const own = { 'content-type': 'application/json', accept: 'text/event-stream' }
    const sent = ask(url, { ...options, method: 'POST', headers: { ...own, ...(headers as object) }, agent: false })
    sent.end(JSON.stringify({ t: 'hello', v: 1, groups }))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return new Stream(sent, response)
  }

  /** The next frame; `{ close, reason }` at the end of the connection; `undefined` at the end of the body. */
  async next(): Promise<Frame | undefined> {
    const item = await this.#nextItem()
    return item === 'comment' ? this.next() : item
  }

  /** Resolves when this many comments have come, before other frames. */
  async untilComments(count: number): Promise<void> {
    while (this.comments < count) {
      const item = await this.#nextItem()
      if (item !== 'comment') throw new Error(`Received ${JSON.stringify(item)} instead of a comment`)
    }
  }

  async #nextItem(): Promise<Frame | 'comment' | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end === -1) {
        const { value, done } = await this.#reader.next()
        if (done === true) return undefined
        this.#text += value
        this.received += value.length
        continue
      }
      const lines = this.#text.slice(0, end).split('\n')
      this.#text = this.#text.slice(end + 2)
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6))
      if (data.length === 0) {
        this.comments++
        return 'comment'
      }
      const frame = JSON.parse(data.join('\n')) as Frame
      return lines.includes('event: close') ? { close: frame['code'], reason: frame['reason'] } : frame
    }
  }

  async take(count: number): Promise<(Frame | undefined)[]> {
    const frames: (Frame | undefined)[] = []
    for (let i = 0; i < count; i++) frames.push(await this.next())
    return frames
  }

  /** The client disconnects. */
  end(): void {
    this.#request.destroy()
  }
}

import type { AnswerFrame } from '../frames.ts'
import { abnormalClosure, post, refusalOf, type Closed, type HttpTarget } from './http-call.ts'

/** A request frame that is not answered. */
interface Request {
  readonly text: string
  /** `undefined` if the request is not answered. */
  readonly id: string | undefined
}

/** The bounds of one body of requests. The server accepts more. */
const maxFramesPerBody = 50
const maxCharactersPerBody = 262_144

/** What the requests report to their socket. */
export interface HttpRequestsHost {
  onAnswer(text: string): void
  /** The requests can no longer be sent. */
  onEnd(closed: Closed): void
}

/** The requests of a socket over HTTP, in their order: one body after another. */
export class HttpRequests {
  readonly #target: HttpTarget
  readonly #timeoutMs: number
  readonly #host: HttpRequestsHost
  #waiting: readonly Request[] = []
  #posting: AbortController | undefined
  #isClosed = false

  constructor(target: HttpTarget, timeoutMs: number, host: HttpRequestsHost) {
    this.#target = target
    this.#timeoutMs = timeoutMs
    this.#host = host
  }

  /** The number of characters without an answer. */
  get bufferedAmount(): number {
    return this.#waiting.reduce((sum, { text }) => sum + text.length, 0)
  }

  add(text: string, id: string | undefined): void {
    this.#waiting = [...this.#waiting, { text, id }]
    if (!this.#posting) void this.#post()
  }

  close(): void {
    this.#isClosed = true
    this.#posting?.abort()
  }

  async #post(): Promise<void> {
    let hasFailed = false
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const body = this.#nextBody()
      const abort = (this.#posting = new AbortController())
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        abort.abort()
      }, this.#timeoutMs)
      try {
        const text = `[${body.map((one) => one.text).join(',')}]`
        const response = await post(this.#target, text, 'application/json', abort.signal)
        const refusal = await refusalOf(response, 'application/json')
        if (refusal) return this.#host.onEnd(refusal)
        hasFailed = false
        this.#onAnswers(body, response.status === 204 ? [] : ((await response.json()) as AnswerFrame[]))
      } catch (error) {
        // A server may close an idle HTTP connection when the client uses it again.
        if (!isLate && hasFailed) return this.#host.onEnd({ code: abnormalClosure, reason: String(error) })
        hasFailed = true
        // The server handles an id once, so these are sent again. Requests without an id are sent once.
        this.#settle((request) => request.id === undefined && body.includes(request))
      } finally {
        clearTimeout(timer)
      }
    }
    this.#posting = undefined
  }

  #nextBody(): readonly Request[] {
    let characters = 0
    const tooMany = this.#waiting.findIndex(
      ({ text }, index) =>
        index === maxFramesPerBody || ((characters += text.length) > maxCharactersPerBody && index > 0),
    )
    return this.#waiting.slice(0, tooMany < 0 ? undefined : tooMany)
  }

  #onAnswers(body: readonly Request[], answers: readonly AnswerFrame[]): void {
    const answered = new Set(answers.map(({ id }) => id))
    this.#settle((request) => body.includes(request))
    for (const answer of answers) this.#host.onAnswer(JSON.stringify(answer))
    // The server has ended the requests before this one. The client repeats it on the next connection.
    if (body.some(({ id }) => id !== undefined && !answered.has(id)))
      this.#host.onEnd({ code: abnormalClosure, reason: 'no answer' })
  }

  #settle(isSettled: (request: Request) => boolean): void {
    this.#waiting = this.#waiting.filter((request) => !isSettled(request))
  }
}

import { isSharedSend } from '../../asgi/shared-send.ts'
import { closeCodes } from '../../asgi/close-codes.ts'
import { entriesOf, type HeadersInit } from '../../asgi/headers.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { answerClosed } from './closed-answer.ts'
import type { HttpResponse } from './http-response.ts'
import type { LiveBody } from './live-body.ts'
import type { ConnectionAnswer } from './http-connection.ts'

/** How long the answer waits for more events after the first one, in milliseconds. */
const COLLECT_MS = 10
/** The collected bytes above which the joins pause. */
const HIGH_WATER_BYTES = 256 * 1024

/** The frames that the answer depends on. */
interface Frame {
  readonly t?: string
  readonly g?: string
  readonly at?: string
  readonly top?: string
  readonly recovered?: boolean
  readonly who?: unknown
}

/**
 * The answer to a poll: the frames of a connection as a JSON array, when all its joins are answered and a frame has news. Without news
 * it is 204 after the wait.
 */
export class PollAnswer implements ConnectionAnswer {
  readonly canMove = false
  readonly #response: HttpResponse
  readonly #onAnswered: () => void
  readonly #frames: string[] = []
  #headers: HeadersInit = []
  #bytes = 0
  /** The groups whose joins are not answered. */
  readonly #opening: Set<string>
  #hasNews = false
  /** Whether a join was answered with the people of its group: they may have changed since the last poll. */
  #hasPeople = false
  /** Whether the wait is over. */
  #isLate = false
  #isOver = false
  #deadline: NodeJS.Timeout | undefined
  #collecting: NodeJS.Timeout | undefined
  /** Resolves the sends that wait for the answer. */
  #release: (() => void) | undefined
  #full: Promise<void> | undefined

  /** @param onAnswered ends the connection */
  constructor(
    response: HttpResponse,
    { groups, waitMs }: Extract<LiveBody, { readonly transport: 'poll' }>,
    onAnswered: () => void,
  ) {
    this.#response = response
    this.#opening = new Set(groups)
    this.#onAnswered = onAnswered
    this.#deadline = setTimeout(() => this.#endWait(), waitMs).unref()
  }

  accept(headers: HeadersInit): void {
    this.#headers = headers
  }

  send(event: WebSocketMessageSendEvent & { readonly text: string }): void | Promise<void> {
    this.#frames.push(event.text)
    this.#bytes += event.text.length
    if (isSharedSend(event)) this.#hasNews = true
    else this.#read(JSON.parse(event.text) as Frame)
    this.#finishSoon()
    if (this.#bytes < HIGH_WATER_BYTES) return undefined
    return (this.#full ??= new Promise((resolve) => (this.#release = resolve)))
  }

  close(code: number, reason: string): void {
    if (this.#isOver) return
    this.stop()
    answerClosed(this.#response, code, reason)
  }

  deny(status: number, headers: HeadersInit, body: string | Uint8Array): void {
    this.stop()
    this.#response.answer(status, headers, body)
  }

  /** In a drain the client polls another process next. An operator may disconnect it with another code. */
  shutDown(code: number, reason: string): void {
    if (code === closeCodes.serviceRestart) this.finish()
    else this.close(code, reason)
  }

  /** Answers with what there is. */
  finish(): void {
    if (this.#isOver) return
    this.stop()
    if (this.#hasNews || this.#hasPeople) {
      const headers = [['Content-Type', 'application/json'], ...entriesOf(this.#headers)] as const
      this.#response.answer(200, headers, `[${this.#frames.join(',')}]`)
    } else this.#response.answer(204, this.#headers)
    this.#onAnswered()
  }

  /** Answers no more. */
  stop(): void {
    this.#isOver = true
    clearTimeout(this.#deadline)
    clearTimeout(this.#collecting)
    this.#release?.()
  }

  #read({ t, g, at, top, recovered, who }: Frame): void {
    if (t === 'hi') return
    if (t === 'joined' || t === 'left') this.#opening.delete(g!)
    // The events of a join that is behind have news of their own.
    if (t !== 'joined' || recovered !== true) this.#hasNews = true
    else if (at === top && who !== undefined) this.#hasPeople = true
  }

  /** Without the answer to a join it is not known whether there is news. Each join is answered within a bound. */
  #endWait(): void {
    this.#isLate = true
    if (this.#opening.size === 0) this.finish()
  }

  #finishSoon(): void {
    if (this.#opening.size > 0 || this.#isOver || !(this.#hasNews || this.#isLate)) return
    this.#collecting ??= setTimeout(() => this.finish(), COLLECT_MS)
  }
}

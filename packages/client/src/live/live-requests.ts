import { fullJitterMs, type BackoffOptions } from '../backoff.ts'
import { causedError, ClientError, type ClientErrorCode } from '../errors.ts'
import type { Entry } from '../outbox.ts'
import { unacceptable, type RequestOptions } from '../requests.ts'
import { createTimer } from '../timer.ts'
import type { AnswerFrame } from './frames.ts'
import type { Session } from './session.ts'

/** The options of one request. It is always repeated on the next connection, because the server handles an `id` once. */
export interface LiveRequestOptions extends Omit<RequestOptions, 'retry'> {
  /**
   * The `id`: 1 to 64 characters, unique across clients. The server handles an `id` once within 5 minutes, so that a page can
   * repeat a request after a reload. @default one of this client
   */
  readonly id?: string
}

/** The promise of an answer. */
export interface PendingRequest<Result> extends Promise<Result> {
  /**
   * The `id` of the request. The events that its handler publishes without an id of their own have this text with `:1`, `:2` …
   * after it in `at.id`.
   */
  readonly id: string
}

/** The server answered a request with an error. The `cause` is the whole answer. */
export class RequestFailedError extends ClientError {
  /** The code of the server: one of docs/spec/live.md, or of a `RequestError` of the handler. */
  declare readonly serverCode: string

  constructor(serverCode: string, message: string, cause: unknown) {
    super('ERR_REQUEST_FAILED', message, cause)
    this.name = 'RequestFailedError'
    this.serverCode = serverCode
  }
}

interface Request extends Entry {
  /** The session on which the request was sent. */
  session?: Session | undefined
  /** The answer that told the client to try again. */
  refusal?: RequestFailedError | undefined
  end(error: unknown, result?: unknown): void
}

const maxIdLength = 64

/** The codes after which the client sends the request again, with the same id. */
export const temporary: readonly string[] = ['rate_limited', 'unavailable']

/** The unanswered requests, in the order of their calls. */
export interface LiveRequests {
  send(name: string, input: unknown, options: LiveRequestOptions): PendingRequest<unknown>
  /** Sends what waits, as far as the session accepts it. Call it when the session may have changed. */
  pump(): void
  answer(frame: AnswerFrame): void
  /** The number of requests that were sent on the session. */
  countOn(session: Session): number
  /** The session's connection was lost: its requests are sent again. */
  onLost(session: Session, code: number): void
  /** Rejects all requests. */
  close(): void
}

/**
 * Creates an empty list of at most `max` requests. `target` returns the session for requests, or `undefined` while the requests
 * of an earlier session are unanswered, so that the order is kept.
 */
export function createLiveRequests(
  target: () => Session | undefined,
  max: number,
  backoff: Required<BackoffOptions>,
  random: () => number,
): LiveRequests {
  const open = new Map<string, Request>()
  const prefix = unguessable(random)
  const retry = createTimer()
  let count = 0
  /** The temporary errors since the last other answer. While the client waits after one, all requests wait, in their order. */
  let failures = 0
  let isWaiting = false

  const tryLater = (request: Request, refusal: RequestFailedError): void => {
    request.session = undefined
    request.refusal = refusal
    if (isWaiting) return
    isWaiting = true
    retry.set(fullJitterMs(++failures, backoff, random), () => {
      isWaiting = false
      pump()
    })
  }

  const countOn = (session: Session): number => {
    let sent = 0
    for (const request of open.values()) if (request.session === session) sent++
    return sent
  }

  const pump = (): void => {
    const session = target()
    if (isWaiting || !session?.isReady || session.link.state.status !== 'open') return
    let free = session.maxRequests - countOn(session)
    for (const request of open.values()) {
      if (request.session) continue
      // A message in the outbox waits for the socket's buffer: so do the others, in order.
      if (free-- <= 0 || session.link.outbox.size > 0) return
      request.session = session
      session.link.post(request, Infinity)
    }
  }

  return {
    countOn,
    pump,
    send(name, input, { timeoutMs = 30_000, signal, id = `${prefix}-${++count}` }) {
      const answer = new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (open.size >= max) throw new ClientError('ERR_OUTBOX_FULL', `${max} are pending`)
        if (id.length < 1 || id.length > maxIdLength || open.has(id)) throw new ClientError('ERR_BAD_OPTION', 'id')
        const timer = createTimer()
        const abort = (): void => request.end(signal?.reason)
        const request: Request = {
          data: encodeRequest(name, input, id),
          settle() {},
          end(error, result) {
            timer.clear()
            signal?.removeEventListener('abort', abort)
            open.delete(id)
            request.session?.link.outbox.remove(request)
            if (error === undefined) resolve(result)
            else reject(error)
          },
        }
        open.set(id, request)
        timer.set(timeoutMs, () =>
          request.end(request.refusal ?? new ClientError('ERR_REQUEST_TIMEOUT', `${timeoutMs} ms`)),
        )
        signal?.addEventListener('abort', abort)
        pump()
      })
      return Object.assign(answer, { id })
    },
    answer({ id, ok, error }) {
      const request = open.get(id)
      if (!request) return
      const failure = error && new RequestFailedError(error.code, error.message, { id, error })
      if (failure && temporary.includes(failure.serverCode)) return tryLater(request, failure)
      failures = 0
      request.end(failure, ok)
    },
    onLost(session, code) {
      for (const request of open.values()) {
        if (request.session !== session) continue
        session.link.outbox.remove(request)
        request.session = undefined
        if (unacceptable.includes(code)) fail(request, 'ERR_CONNECTION_LOST', `${code}`)
      }
    },
    close() {
      retry.clear()
      for (const request of open.values()) fail(request, 'ERR_CLOSED', 'closed')
    },
  }
}

/**
 * Returns 96 random bits as a text. The ids of events come from it, and a client that guesses one can prevent the event. A runtime
 * without `crypto` (React Native) has weaker ones.
 */
function unguessable(random: () => number): string {
  const words = new Uint32Array(3).map(() => random() * 2 ** 32)
  return Array.from(globalThis.crypto?.getRandomValues(words) ?? words, (word) => word.toString(36)).join('')
}

/** Returns the frame of a request. Without an `id` it is not answered. Throws `ERR_BAD_MESSAGE`. */
export function encodeRequest(name: string, input: unknown, id?: string): string {
  try {
    return JSON.stringify({ t: 'request', id, m: name, d: input })
  } catch (cause) {
    throw causedError('ERR_BAD_MESSAGE', cause)
  }
}

function fail(request: Request, code: ClientErrorCode, message: string): void {
  request.end(new ClientError(code, message))
}

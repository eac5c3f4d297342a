import { ClientError, type ClientErrorCode } from './errors.ts'
import type { Entry, Outbox } from './outbox.ts'
import { createTimer } from './timer.ts'
import type { Payload } from './web-socket-port.ts'

/** How long to wait for an answer, and what to do when the connection is lost meanwhile. */
export interface RequestOptions {
  /** From the call to the answer, in milliseconds; the wait for a connection counts. @default 30000 */
  readonly timeoutMs?: number
  /** Gives the request up. What was sent already is not taken back. */
  readonly signal?: AbortSignal
  /**
   * Send it again, with the same `id`, on the next connection when this one is lost before the answer. For servers that
   * handle an `id` once. @default false
   */
  readonly retry?: boolean
}

/** What requests need of the connection. */
export interface RequestCarrier {
  readonly outbox: Outbox
  post(entry: Entry, maxAgeMs: number): void
}

interface Request extends Entry {
  readonly retry: boolean | undefined
  isSent?: boolean
  /** Resolves with the answer, or rejects. */
  end(error: unknown, answer?: unknown): void
}

/** The server could not take something that it was sent: to send the same again would lose the next connection too. */
const unacceptable = [1003, 1007, 1009]

/** The requests that have no answer yet. */
export interface Requests {
  /** Sends what `encode` makes of an id. Resolves with the answer; rejects with a `ClientError` or the signal's reason. */
  send(encode: (id: string) => Payload, options: RequestOptions): Promise<unknown>
  /** Takes the message if it answers a request. */
  answer(message: unknown): boolean
  /** What was sent and not answered goes back into the outbox, in order, or fails. */
  connectionLost(code: number): void
  /** Fails all. */
  close(): void
}

/** Makes the list of at most `max` requests. */
export function createRequests(carrier: RequestCarrier, max: number, random: () => number): Requests {
  const open = new Map<unknown, Request>()
  /** Different for every client, so that a server can tell a repetition from another client's request. */
  const prefix = random().toString(36).slice(2) + random().toString(36).slice(2)
  let count = 0

  return {
    send: (encode, { timeoutMs = 30_000, signal, retry }) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (open.size >= max) throw new ClientError('ERR_OUTBOX_FULL', `${max} wait already`)
        const id = `${prefix}-${++count}`
        const timer = createTimer()
        const abort = (): void => request.end(signal?.reason)
        const request: Request = {
          data: encode(id),
          retry,
          settle(outcome) {
            if (outcome === 'sent') request.isSent = true
            else fail(request, outcome === 'dropped' ? 'ERR_OUTBOX_FULL' : 'ERR_CLOSED', outcome)
          },
          end(error, answer) {
            timer.clear()
            signal?.removeEventListener('abort', abort)
            open.delete(id)
            carrier.outbox.remove(request)
            // An answer has an id, so it is an object; a signal's reason may be anything.
            if (answer) resolve(answer)
            else reject(error)
          },
        }
        // First, because it may throw; no answer comes before this turn is over.
        carrier.post(request, Infinity)
        open.set(id, request)
        timer.set(timeoutMs, () => fail(request, 'ERR_REQUEST_TIMEOUT', `${timeoutMs} ms`))
        signal?.addEventListener('abort', abort)
      }),
    answer(message) {
      const { id, error } = (message ?? {}) as { id?: unknown; error?: { message?: string } | string }
      const request = open.get(id)
      if (request && error) fail(request, 'ERR_REQUEST_FAILED', JSON.stringify(error), message)
      else request?.end(undefined, message)
      return !!request
    },
    connectionLost(code) {
      for (const request of [...open.values()].toReversed()) {
        if (!request.isSent) continue
        request.isSent = false
        if (request.retry && !unacceptable.includes(code)) carrier.outbox.putBack(request)
        else fail(request, 'ERR_CONNECTION_LOST', `${code}`)
      }
    },
    close() {
      for (const request of open.values()) request.settle('closed')
    },
  }
}

function fail(request: Request, code: ClientErrorCode, message: string, cause?: unknown): void {
  request.end(new ClientError(code, message, cause))
}

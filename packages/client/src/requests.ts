import { ClientError, type ClientErrorCode } from './errors.ts'
import type { Entry, Outbox } from './outbox.ts'
import { createTimer } from './timer.ts'
import type { WebSocketPayload } from './web-socket-port.ts'

/** The options of one request. */
export interface RequestOptions {
  /** The timeout in milliseconds, from the call to the answer. It includes the wait for a connection. @default 30000 */
  readonly timeoutMs?: number
  /** Aborts the request. A message that was already sent is not taken back. */
  readonly signal?: AbortSignal
  /**
   * Sends the request again, with the same `id`, if the connection is lost before the answer. Use it with servers that
   * handle each `id` once. @default false
   */
  readonly retry?: boolean
}

/** The parts of a connection that requests use. */
export interface RequestTransport {
  readonly outbox: Outbox
  post(entry: Entry, maxAgeMs: number): void
}

interface Request extends Entry {
  readonly retry: boolean | undefined
  isSent?: boolean
  /** Resolves the promise of the caller with the answer, or rejects it. */
  end(error: unknown, answer?: unknown): void
}

/** Close codes for a message that the server cannot handle: resending it would lose the next connection too. */
export const unacceptable: readonly number[] = [1003, 1007, 1009]

/** The unanswered requests. */
export interface Requests {
  /** Encodes a message with a new id and sends it. Resolves with the answer; rejects with a `ClientError` or the signal's reason. */
  send(encode: (id: string) => WebSocketPayload, options: RequestOptions): Promise<unknown>
  /** Settles the request that the message answers. Returns `false` if there is none. */
  answer(message: unknown): boolean
  /** Requeues the sent, unanswered requests in order if they allow a retry, and fails the others. */
  onConnectionLost(code: number): void
  /** Fails all requests. */
  close(): void
}

/** Creates an empty list of at most `max` requests. */
export function createRequests(transport: RequestTransport, max: number, random: () => number): Requests {
  const open = new Map<unknown, Request>()
  /** Unique per client, so that a server can distinguish a repeated request from another client's request. */
  const prefix = random().toString(36).slice(2) + random().toString(36).slice(2)
  let count = 0

  return {
    send: (encode, { timeoutMs = 30_000, signal, retry }) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (open.size >= max) throw new ClientError('ERR_OUTBOX_FULL', `${max} are pending`)
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
            transport.outbox.remove(request)
            // An answer has an id, so it is an object. The reason of a signal may be any value.
            if (answer) resolve(answer)
            else reject(error)
          },
        }
        // First, because it may throw. The answer cannot arrive before this task ends.
        transport.post(request, Infinity)
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
    onConnectionLost(code) {
      for (const request of [...open.values()].toReversed()) {
        if (!request.isSent) continue
        request.isSent = false
        if (request.retry && !unacceptable.includes(code)) transport.outbox.putBack(request)
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

import type { Application, Receive, SendOf } from '../../asgi/application.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { nodeExchange } from './node-exchange.ts'
import { rememberScope } from './scope-of.ts'

/** A function that answers a standard `Request` with a standard `Response`: Hono's `app.fetch`, for example. */
export type FetchHandler = (request: Request) => Response | Promise<Response>

/**
 * Makes an HTTP application that calls a fetch handler for each request. Both bodies are streamed. When the client disconnects,
 * `request.signal` aborts and the body of the response is cancelled.
 */
export function fetchHandler(handler: FetchHandler): Application<HttpScope> {
  return async (scope, receive, send) => {
    const gone = new AbortController()
    const node = nodeExchange(scope)?.response
    node?.once('close', () => {
      if (!node.writableFinished) gone.abort(clientGone())
    })
    const request = toRequest(scope, receive, gone)
    rememberScope(request, scope)
    try {
      const response: unknown = await handler(request)
      await sendResponse(requireResponse(response), scope.method, send, gone.signal)
    } catch (error) {
      // The reason of the signal is not an error of the handler.
      if (error !== gone.signal.reason) throw error
    }
  }
}

/** Accepts also a Response of another realm or of a polyfill. */
function requireResponse(response: unknown): Response {
  const { status, headers } = (response ?? {}) as Partial<Response>
  if (typeof status === 'number' && typeof headers === 'object') return response as Response
  throw new TidewayError(
    'ERR_APPLICATION_RETURNED',
    `The handler of fetchHandler returned ${response === null ? 'null' : typeof response}. It must return a Response: return new Response(…).`,
  )
}

function clientGone(): DOMException {
  return new DOMException('The client disconnected.', 'AbortError')
}

/** A Host of a name or an address, and a port (RFC 9110 §7.2): no user, no path. */
const hostPattern = /^(\[[\d.:a-f]+\]|[\w.~!$&'()*+,;=%-]+)(:\d{1,5})?$/i

function toRequest(scope: HttpScope, receive: Receive<HttpReceiveEvent>, gone: AbortController): Request {
  const host = scope.headers.get('host') ?? 'localhost'
  const query = scope.queryString === '' ? '' : `?${scope.queryString}`
  const url = `${scope.scheme}://${host}${scope.rawPath}${query}`
  if (!hostPattern.test(host) || !URL.canParse(url)) throw badRequest('The Host of the request is invalid.')
  // The standard does not allow a Request with these methods (Fetch §2.2.1).
  if (/^(CONNECT|TRACE|TRACK)$/i.test(scope.method)) throw badRequest(`The method ${scope.method} is not supported.`)
  const hasBody = scope.method !== 'GET' && scope.method !== 'HEAD'
  return new Request(url, {
    method: scope.method,
    headers: [...scope.headers].map(([name, value]): [string, string] => [name, value]),
    signal: gone.signal,
    ...(hasBody && { body: bodyStream(receive, gone), duplex: 'half' }),
  })
}

/** Makes an error that is answered with 400, for a request that cannot become a `Request`. */
function badRequest(message: string): TidewayError {
  return Object.assign(new TidewayError('ERR_BAD_REQUEST', message), { status: 400 })
}

/** Receives the next piece only when the reader pulls. */
function bodyStream(receive: Receive<HttpReceiveEvent>, gone: AbortController): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const event = await receive()
      if (event.type === 'http.disconnect') {
        if (!gone.signal.aborted) gone.abort(clientGone())
        controller.error(gone.signal.reason)
        return
      }
      if (event.body.byteLength > 0) controller.enqueue(event.body)
      if (!event.moreBody) controller.close()
    },
  })
}

async function sendResponse(
  response: Response,
  method: string,
  send: SendOf<HttpScope>,
  gone: AbortSignal,
): Promise<void> {
  const { body, headers, status } = response
  if (body === null || method === 'HEAD') {
    await body?.cancel()
    await send({ type: 'http.response.start', status, headers })
    await send({ type: 'http.response.body' })
    return
  }
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const cancel = (): void => {
    // Tells the source of the stream to stop. Its result does not matter.
    reader.cancel(gone.reason).catch(() => {})
  }
  if (gone.aborted) cancel()
  else gone.addEventListener('abort', cancel, { once: true })
  try {
    let next = await reader.read()
    await send({ type: 'http.response.start', status, headers })
    while (!next.done) {
      const following = reader.read()
      // A body of one piece has already ended: it is sent whole, with its length.
      const isLast = await Promise.race([following.then(({ done }) => done), nextTurn()])
      await send({ type: 'http.response.body', body: next.value, moreBody: !isLast })
      if (isLast) return
      next = await following
    }
    await send({ type: 'http.response.body' })
  } catch (error) {
    await reader.cancel(error)
    throw error
  }
}

/** Resolves with `false` after everything that is ready now has run. */
function nextTurn(): Promise<false> {
  return new Promise((resolve) => {
    setImmediate(resolve, false)
  })
}

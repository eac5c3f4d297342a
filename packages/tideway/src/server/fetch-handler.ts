import type { Application, Receive, SendOf } from '../asgi/application.ts'
import type { HttpReceiveEvent } from '../asgi/http-events.ts'
import type { HttpScope } from '../asgi/scope.ts'

/** What answers a standard `Request` with a standard `Response`: Hono's `app.fetch`, for example. */
export type FetchHandler = (request: Request) => Response | Promise<Response>

/** The HTTP application that hands each request to a fetch handler. Both bodies are streamed. */
export function fetchHandler(handler: FetchHandler): Application<HttpScope> {
  return async (scope, receive, send) => {
    const gone = new AbortController()
    const response = await handler(toRequest(scope, receive, gone))
    await sendResponse(response, send)
  }
}

function toRequest(scope: HttpScope, receive: Receive<HttpReceiveEvent>, gone: AbortController): Request {
  const host = scope.headers.get('host') ?? 'localhost'
  const query = scope.queryString === '' ? '' : `?${scope.queryString}`
  const hasBody = scope.method !== 'GET' && scope.method !== 'HEAD'
  return new Request(`${scope.scheme}://${host}${scope.rawPath}${query}`, {
    method: scope.method,
    headers: [...scope.headers].map(([name, value]): [string, string] => [name, value]),
    signal: gone.signal,
    ...(hasBody && { body: bodyStream(receive, gone), duplex: 'half' }),
  })
}

/** Asks for the next piece only when the reader does. */
function bodyStream(receive: Receive<HttpReceiveEvent>, gone: AbortController): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const event = await receive()
      if (event.type === 'http.disconnect') {
        gone.abort()
        controller.error(new DOMException('The client went away.', 'AbortError'))
        return
      }
      if (event.body.byteLength > 0) controller.enqueue(event.body)
      if (!event.moreBody) controller.close()
    },
  })
}

async function sendResponse(response: Response, send: SendOf<HttpScope>): Promise<void> {
  await send({ type: 'http.response.start', status: response.status, headers: response.headers })
  if (response.body === null) {
    await send({ type: 'http.response.body' })
    return
  }
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      await send({ type: 'http.response.body', body: value, moreBody: true })
    }
  } catch (error) {
    await reader.cancel(error)
    throw error
  }
  await send({ type: 'http.response.body' })
}

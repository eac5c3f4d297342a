import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeListener } from './node-listener.ts'

/** The `Retry-After` of refusals, in seconds. */
export const RETRY_AFTER_SECONDS = 5

/**
 * Answers readiness probes at the path: 200 while the server accepts connections, 503 from the start of its drain. During the drain
 * it also refuses all other new requests. Running ones are finished.
 */
export function withReadiness(path: string, isDraining: () => boolean, listener: NodeListener): NodeListener {
  return (request, response) => {
    const isProbe = request.url === path || request.url!.startsWith(`${path}?`)
    if (isProbe || isDraining()) answer(request, response, isDraining())
    else listener(request, response)
  }
}

function answer(request: IncomingMessage, response: ServerResponse, isDraining: boolean): void {
  const head = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }
  if (isDraining) {
    response.writeHead(503, { ...head, 'Retry-After': RETRY_AFTER_SECONDS, Connection: 'close' })
    response.end('The server is shutting down.\n')
  } else response.writeHead(200, head).end('ready\n')
  // An unread body would block the next request of the connection.
  request.resume()
}

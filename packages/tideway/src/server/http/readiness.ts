import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeListener } from './node-listener.ts'

/** After how many seconds a client that is refused may try again, at the earliest. */
export const RETRY_AFTER_SECONDS = 5

/**
 * Answers for the readiness of a server: 200 at the path while it takes connections, 503 from the beginning of its drain.
 * Then every other request that comes is refused too; those that run are not touched.
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
  // A body that nobody reads would keep the connection from its next request.
  request.resume()
}

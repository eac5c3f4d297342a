import type { IncomingMessage, ServerResponse } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'
import { hostNameOf } from '../handshake/allowed-hosts.ts'
import { respondText } from '../http/plain-responses.ts'
import { createServerWithin } from '../limits/request-limits.ts'
import type { TcpAddress } from '../listen/listen-target.ts'
import { listenAt } from '../listen/listener.ts'

/** Answers the requests of a server for operators. */
export interface Operations {
  /** Resolves with the metrics in the text format of Prometheus, and its content type. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>
  /** Whether a load balancer may send clients to this process. */
  isReady(): boolean | Promise<boolean>
  /** Called with the error if the metrics cannot be read. */
  failed(error: unknown): void
  /** Answers requests for other paths. Returns `false` for a path that it does not have. */
  answerOther?(request: IncomingMessage, response: ServerResponse): boolean
}

/** A server for operators, on its own port, so that it need not be public. */
export interface OperationsServer {
  /** Without a trailing slash: `http://127.0.0.1:9100`. */
  readonly url: string
  /** Closes the port. */
  close(): Promise<void>
}

/**
 * Serves `/metrics`, `/healthz` (200: the process responds) and `/readyz` (200, or 503 while it starts and from the start of its
 * drain). On a loopback address it answers only requests whose Host is a loopback address: a page in a browser on this machine could
 * point its own host name to this address (DNS rebinding).
 * @param port `own`: a free port that the workers of a cluster do not share
 * @throws TidewayError `ERR_CANNOT_LISTEN`
 */
export async function serveOperations(
  host: string,
  port: number | 'own',
  operations: Operations,
): Promise<OperationsServer> {
  const server = createServerWithin({})
  server.on('request', (request, response) => {
    if (isLoopback(host) && !isLoopback(hostNameOf(request.headers.host ?? ''))) {
      request.resume()
      respondText(response, 400, 'The Host must be localhost or a loopback address.')
      return
    }
    if (operations.answerOther?.(request, response) === true) return
    // An unread body would block the next request of the connection.
    request.resume()
    answer(request, response, operations).catch((error: unknown) => {
      operations.failed(error)
      respondText(response, 500, 'The metrics could not be read: see the log of the server.')
    })
  })
  const { url } = (await listenAt(server, { host, port: port === 'own' ? 0 : port }, port === 'own').catch(
    (cause: unknown) => {
      const { code, message } = cause as NodeJS.ErrnoException
      throw new TidewayError(
        'ERR_CANNOT_LISTEN',
        `Cannot listen on ${host}, port ${port}, for metrics (${code ?? message}): choose another metricsPort or metricsHost.`,
        { cause },
      )
    },
  )) as TcpAddress
  return {
    url,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, operations: Operations): Promise<void> {
  const [path] = request.url!.split('?', 1)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    respondText(response, 405, 'This server supports GET only.')
  } else if (path === '/metrics') {
    const { text, contentType } = await operations.metrics()
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) }).end(text)
  } else if (path === '/healthz') respondText(response, 200, 'alive')
  else if (path !== '/readyz') respondText(response, 404, 'This server has /metrics, /healthz and /readyz.')
  else if (await operations.isReady()) respondText(response, 200, 'ready')
  else respondText(response, 503, 'The server is starting or shutting down.')
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.[\d.]+|::1)$/.test(host)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'
import { hostNameOf } from '../handshake/allowed-hosts.ts'
import { answerPlainly } from '../http/plain-answer.ts'
import { createServerWithin } from '../limits/request-limits.ts'
import type { TcpAddress } from '../listen/listen-target.ts'
import { listenAt } from '../listen/listener.ts'

/** What a server for operators is asked. */
export interface Operations {
  /** The metrics in the text format of Prometheus, and the type of that. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>
  /** Whether clients may be sent here. */
  isReady(): boolean | Promise<boolean>
  /** Is told why there are no metrics. */
  failed(error: unknown): void
}

/** A server that answers operators: on a port of its own, so that the world does not reach it. */
export interface OperationsServer {
  /** Without a trailing slash: `http://127.0.0.1:9100`. */
  readonly url: string
  /** Closes the port. */
  close(): Promise<void>
}

/**
 * Serves `/metrics`, `/healthz` (200: the process answers) and `/readyz` (200, or 503 while it starts and from the beginning
 * of its drain). On an address of loopback it answers requests for such an address only: a page in a browser of this machine could
 * let a name of its own lead here (DNS rebinding).
 * @throws TidewayError `ERR_CANNOT_LISTEN`
 */
export async function serveOperations(host: string, port: number, operations: Operations): Promise<OperationsServer> {
  const server = createServerWithin({})
  server.on('request', (request, response) => {
    // A body that nobody reads would keep the connection from its next request.
    request.resume()
    if (isLoopback(host) && !isLoopback(hostNameOf(request.headers.host ?? ''))) {
      answerPlainly(response, 400, 'This server is asked for as localhost or by its address.')
      return
    }
    answer(request, response, operations).catch((error: unknown) => {
      operations.failed(error)
      answerPlainly(response, 500, 'There is no answer: see the log.')
    })
  })
  const { url } = (await listenAt(server, { host, port }).catch((cause: unknown) => {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new TidewayError(
      'ERR_CANNOT_LISTEN',
      `Cannot listen on ${host}, port ${port}, for metrics (${code ?? message}): choose another metricsPort or metricsHost.`,
      { cause },
    )
  })) as TcpAddress
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
    answerPlainly(response, 405, 'There is only GET here.')
  } else if (path === '/metrics') {
    const { text, contentType } = await operations.metrics()
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) }).end(text)
  } else if (path === '/healthz') answerPlainly(response, 200, 'alive')
  else if (path !== '/readyz') answerPlainly(response, 404, 'There are /metrics, /healthz and /readyz here.')
  else if (await operations.isReady()) answerPlainly(response, 200, 'ready')
  else answerPlainly(response, 503, 'The server is starting or shutting down.')
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.[\d.]+|::1)$/.test(host)
}

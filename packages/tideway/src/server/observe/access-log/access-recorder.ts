import type { ServerResponse } from 'node:http'
import { guarded } from '../../../asgi/guarded.ts'
import { hiddenField } from '../../../errors/hidden-field.ts'
import type { Logger } from '../../../asgi/logger.ts'
import { redactTarget } from '../../../asgi/redact-query.ts'
import { readableError } from '../../../errors/readable-error.ts'
import { CLIENT_CLOSED_REQUEST } from '../../http/plain-responses.ts'
import type { RequestHead } from '../../handshake/request-head.ts'
import type { NodeListener } from '../../http/node-listener.ts'
import type { ConnectionObserver, WebSocketConnection } from '../../websocket/websocket-connection.ts'
import type { AccessLog, WebSocketAccess } from './access-entry.ts'

/** The client, path and start time of a request or handshake. */
interface Visitor {
  readonly client: string | undefined
  readonly path: string
  readonly began: number
}

/** The options that a recorder reads. */
interface RecorderOptions {
  readonly logger: Logger
  readonly secretQueryNames: readonly string[]
}

/** Writes the access log. A server without one does not create this object. */
export class AccessRecorder implements ConnectionObserver {
  readonly #log: AccessLog
  readonly #secretNames: readonly string[]
  readonly #clientOf: (request: RequestHead) => string | undefined
  readonly #visitors = hiddenField<WebSocketConnection, Visitor | undefined>()
  #isFailureReported = false

  /**
   * @param log may throw: the server's log has its first error only
   * @param clientOf returns the client address of a request
   */
  constructor(log: AccessLog, options: RecorderOptions, clientOf: (request: RequestHead) => string | undefined) {
    this.#log = guarded(log, (error) => this.#reportFailure(options.logger, error))
    this.#secretNames = options.secretQueryNames
    this.#clientOf = clientOf
  }

  /** Wraps a listener so that each request is logged. */
  listener(inner: NodeListener): NodeListener {
    return (request, response) => {
      this.#watch(request, response)
      inner(request, response)
    }
  }

  /** Logs a handshake that the application gets. */
  connecting(connection: WebSocketConnection, request: RequestHead, client: string | undefined): void {
    const visitor = this.#visitorOf(request, client)
    this.#visitors.set(connection, visitor)
    this.#tell(visitor, { event: 'connecting' })
  }

  /** Logs a handshake that the server itself refuses. */
  refusedByServer(request: RequestHead, status: number, reason: string): void {
    this.#tell(this.#visitorOf(request, this.#clientOf(request)), { event: 'reject', status, reason })
  }

  accepted(connection: WebSocketConnection): void {
    this.#tell(this.#visitors.get(connection), { event: 'connect' })
  }

  refused(connection: WebSocketConnection, status: number, reason: string | undefined): void {
    this.#tell(this.#visitors.get(connection), { event: 'reject', status, ...(reason !== undefined && { reason }) })
    // A connection that was never accepted has no disconnect line.
    this.#visitors.set(connection, undefined)
  }

  // The server's own log reports the error.
  failed(): void {}

  ended(connection: WebSocketConnection, code: number): void {
    this.#tell(this.#visitors.get(connection), { event: 'disconnect', code })
  }

  #watch(request: RequestHead, response: ServerResponse): void {
    const { socket, method, httpVersion } = request
    const visitor = this.#visitorOf(request, this.#clientOf(request))
    const writtenBefore = socket.bytesWritten
    response.once('close', () => {
      const { _header: header } = response as { readonly _header?: string | null }
      const written = socket.bytesWritten - writtenBefore - (header?.length ?? 0)
      this.#log({
        type: 'http',
        ...described(visitor),
        method: method!,
        httpVersion,
        status: response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST,
        bytes: Math.max(0, written),
      })
    })
  }

  #tell(visitor: Visitor | undefined, what: Pick<WebSocketAccess, 'event' | 'status' | 'reason' | 'code'>): void {
    if (visitor !== undefined) this.#log({ type: 'websocket', ...described(visitor), ...what })
  }

  #reportFailure(logger: Logger, error: unknown): void {
    if (this.#isFailureReported) return
    this.#isFailureReported = true
    logger.error({ err: readableError(error) }, 'The access log failed: lines of it are lost')
  }

  #visitorOf(request: RequestHead, client: string | undefined): Visitor {
    return { client, path: redactTarget(request.url!, this.#secretNames), began: performance.now() }
  }
}

function described({ client, path, began }: Visitor): Pick<WebSocketAccess, 'time' | 'client' | 'path' | 'durationMs'> {
  return { time: new Date(), client, path, durationMs: performance.now() - began }
}

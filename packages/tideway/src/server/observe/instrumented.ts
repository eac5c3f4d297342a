import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  INSTRUMENTATION_EXTENSION,
  type ConnectionInstrumentation,
  type HandlerInstrumentation,
  type Instrumentation,
  type RequestInstrumentation,
} from '../../asgi/instrumentation.ts'
import { hiddenField } from '../../errors/hidden-field.ts'
import type { Logger } from '../../asgi/logger.ts'
import type { Scope, WebSocketScope } from '../../asgi/scope.ts'
import { readableError } from '../../errors/readable-error.ts'
import { onFailure } from '../http/http-failure.ts'
import { CLIENT_CLOSED_REQUEST } from '../http/plain-responses.ts'
import { messageOf, type RequestHead } from '../handshake/request-head.ts'
import type { NodeListener } from '../http/node-listener.ts'
import type { ConnectionObserver, WebSocketConnection } from '../websocket/websocket-connection.ts'

/** Reports requests and connections to an {@link Instrumentation}. A server without one does not create this object. */
export class Instrumented implements ConnectionObserver {
  readonly #instrumentation: Instrumentation
  readonly #logger: Logger
  readonly #requests = hiddenField<IncomingMessage, RequestInstrumentation>()
  readonly #connections = hiddenField<WebSocketConnection, ConnectionInstrumentation>()

  constructor(instrumentation: Instrumentation, logger: Logger) {
    this.#instrumentation = instrumentation
    this.#logger = logger
  }

  /** Wraps a listener so that its requests are reported. */
  listener(inner: NodeListener): NodeListener {
    return (request, response) => {
      const serve = (): void => void inner(request, response)
      const instrumentation = this.#guarded(() => this.#instrumentation.request?.(request))
      if (instrumentation === undefined) {
        serve()
        return
      }
      this.#requests.set(request, instrumentation)
      onFailure(request, (error) => this.#guarded(() => instrumentation.failed?.(error)))
      response.once('close', () => this.#guarded(() => instrumentation.ended?.(statusOf(response))))
      this.#run(instrumentation, serve)
    }
  }

  /** Puts the instrumentation of the request into its scope, where consumers report their handlers to it. */
  requestScope(scope: Scope, request: IncomingMessage): void {
    this.#extend(scope, this.#requests.get(request))
  }

  /** Starts a connection and reports it. */
  start(connection: WebSocketConnection, scope: WebSocketScope, request: RequestHead, serve: () => void): void {
    const instrumentation = this.#guarded(() => this.#instrumentation.connection?.(scope, messageOf(request)))
    if (instrumentation === undefined) {
      serve()
      return
    }
    this.#connections.set(connection, instrumentation)
    this.#extend(scope, instrumentation)
    this.#run(instrumentation, serve)
  }

  accepted(connection: WebSocketConnection): void {
    this.#guarded(() => this.#connections.get(connection)?.accepted?.())
  }

  refused(connection: WebSocketConnection, status: number): void {
    this.#guarded(() => this.#connections.get(connection)?.refused?.(status))
  }

  failed(connection: WebSocketConnection, error: unknown): void {
    this.#guarded(() => this.#connections.get(connection)?.failed?.(error))
  }

  ended(connection: WebSocketConnection, code: number): void {
    this.#guarded(() => this.#connections.get(connection)?.ended?.(code))
  }

  /** Serves exactly once, also if the instrumentation throws or calls back twice. */
  #run(instrumentation: RequestInstrumentation | ConnectionInstrumentation, serve: () => void): void {
    let isServed = false
    const serveOnce = (): void => {
      if (isServed) return
      isServed = true
      serve()
    }
    this.#guarded(() => instrumentation.run?.(serveOnce))
    serveOnce()
  }

  #guarded<T>(report: () => T): T | undefined {
    try {
      const result = report()
      if (result instanceof Promise) result.catch((error: unknown) => this.#threw(error))
      return result
    } catch (error) {
      this.#threw(error)
      return undefined
    }
  }

  #threw(error: unknown): void {
    this.#logger.error({ err: readableError(error) }, 'The instrumentation threw')
  }

  #extend(scope: Scope, instrumentation: HandlerInstrumentation | undefined): void {
    if (this.#guarded(() => instrumentation?.handler) === undefined) return
    // The scope is not shared yet. Inside `extensions`, it adds no property to copies of the scope.
    const extended = scope as { extensions?: Readonly<Record<string, unknown>> }
    extended.extensions = { ...scope.extensions, [INSTRUMENTATION_EXTENSION]: instrumentation }
  }
}

function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST
}

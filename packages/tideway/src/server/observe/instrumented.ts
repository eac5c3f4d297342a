import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  INSTRUMENTATION_EXTENSION,
  type ConnectionInstrumentation,
  type HandlerInstrumentation,
  type Instrumentation,
  type RequestInstrumentation,
} from '../../asgi/instrumentation.ts'
import type { Logger } from '../../asgi/logger.ts'
import type { Scope, WebSocketScope } from '../../asgi/scope.ts'
import { readableError } from '../../errors/readable-error.ts'
import { onFailure } from '../http/http-failure.ts'
import { CLIENT_WENT_AWAY } from '../http/client-went-away.ts'
import { messageOf, type RequestHead } from '../handshake/request-head.ts'
import type { NodeListener } from '../http/node-listener.ts'
import type { ConnectionObserver, WebSocketConnection } from '../websocket/websocket-connection.ts'

/** Tells an {@link Instrumentation} what a server does. A server without one has none of this. */
export class Instrumented implements ConnectionObserver {
  readonly #instrumentation: Instrumentation
  readonly #logger: Logger
  readonly #requests = new WeakMap<IncomingMessage, RequestInstrumentation>()
  readonly #connections = new WeakMap<WebSocketConnection, ConnectionInstrumentation>()

  constructor(instrumentation: Instrumentation, logger: Logger) {
    this.#instrumentation = instrumentation
    this.#logger = logger
  }

  /** The same listener, whose requests are told of. */
  listener(inner: NodeListener): NodeListener {
    return (request, response) => {
      const serve = (): void => void inner(request, response)
      const own = this.#guarded(() => this.#instrumentation.request?.(request))
      if (own === undefined) {
        serve()
        return
      }
      this.#requests.set(request, own)
      onFailure(request, (error) => this.#guarded(() => own.failed?.(error)))
      response.once('close', () => this.#guarded(() => own.ended?.(statusOf(response))))
      this.#run(own, serve)
    }
  }

  /** Leaves what is told of handlers where consumers look for it. */
  requestScope(scope: Scope, request: IncomingMessage): void {
    this.#extend(scope, this.#requests.get(request))
  }

  /** Starts a connection, which is told of. */
  start(connection: WebSocketConnection, scope: WebSocketScope, request: RequestHead, serve: () => void): void {
    const own = this.#guarded(() => this.#instrumentation.connection?.(scope, messageOf(request)))
    if (own === undefined) {
      serve()
      return
    }
    this.#connections.set(connection, own)
    this.#extend(scope, own)
    this.#run(own, serve)
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

  /** Whatever the instrumentation does, what it looks at is served, and once. */
  #run(own: RequestInstrumentation | ConnectionInstrumentation, serve: () => void): void {
    let isServed = false
    const serveOnce = (): void => {
      if (isServed) return
      isServed = true
      serve()
    }
    this.#guarded(() => own.run?.(serveOnce))
    serveOnce()
  }

  #guarded<T>(tell: () => T): T | undefined {
    try {
      const told = tell()
      if (told instanceof Promise) told.catch((error: unknown) => this.#threw(error))
      return told
    } catch (error) {
      this.#threw(error)
      return undefined
    }
  }

  #threw(error: unknown): void {
    this.#logger.error({ err: readableError(error) }, 'The instrumentation threw')
  }

  #extend(scope: Scope, own: HandlerInstrumentation | undefined): void {
    if (this.#guarded(() => own?.handler) === undefined) return
    // Nothing else has the scope yet. Among the extensions it costs no copy of the scope a property of its own.
    const extended = scope as { extensions?: Readonly<Record<string, unknown>> }
    extended.extensions = { ...scope.extensions, [INSTRUMENTATION_EXTENSION]: own }
  }
}

function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : CLIENT_WENT_AWAY
}

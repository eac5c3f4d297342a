import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Application } from '../asgi/application.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import { nodeListenerKey } from '../asgi/node-listener.ts'
import { Heartbeat } from './heartbeat.ts'
import { HttpExchange } from './http/http-exchange.ts'
import type { NodeListener } from './node-listener.ts'
import { resolveOptions, type AttachOptions, type ResolvedOptions } from './options.ts'
import { httpScope, NODE_EXTENSION, webSocketScope } from './scope.ts'
import { checkHandshake, isHandshakeProblem, plainDenial } from './websocket/handshake.ts'
import { Outbox } from './websocket/outbox.ts'
import { WebSocketConnection, type ConnectionContext } from './websocket/websocket-connection.ts'

/** An application on a Node server. */
export interface Attachment {
  /** How many WebSocket connections there are: from the handshake to the end of their application. */
  readonly connectionCount: number
  /**
   * Takes no more handshakes, closes every WebSocket with 1012 (service restart), and resolves when all applications
   * have ended or the time is over.
   * @param timeoutMs after it the connections are cut. Default 10000.
   */
  close(timeoutMs?: number): Promise<void>
}

/** How often `close()` looks whether the last connection has ended. */
const CLOSE_POLL_MS = 20

/** How long `close()` waits for connections to end. */
const DEFAULT_CLOSE_TIMEOUT_MS = 10_000

/**
 * Serves the application on a server that exists: its WebSocket handshakes, and its HTTP requests unless the server has
 * a request listener of its own already.
 */
export function attach(
  server: HttpServer | HttpsServer,
  application: Application,
  options: AttachOptions = {},
): Attachment {
  const attached = new AttachedApplication(application, resolveOptions(options))
  server.on('upgrade', attached.onUpgrade)
  if (server.listenerCount('request') === 0) server.on('request', attached.onRequest)
  return {
    get connectionCount() {
      return attached.connections.size
    },
    async close(timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS) {
      server.removeListener('upgrade', attached.onUpgrade)
      server.on('upgrade', refuseUpgrade)
      await attached.close(timeoutMs)
    },
  }
}

class AttachedApplication {
  readonly #application: Application
  readonly #options: ResolvedOptions
  readonly #context: ConnectionContext
  readonly onRequest: NodeListener
  readonly connections = new Set<WebSocketConnection>()

  constructor(application: Application, options: ResolvedOptions) {
    this.#application = application
    this.#options = options
    const heartbeat = new Heartbeat(shortestTimeout(options))
    this.#context = { options, heartbeat, outbox: new Outbox(), connections: this.connections }
    const listener = (application as { readonly [nodeListenerKey]?: NodeListener })[nodeListenerKey]
    this.onRequest = listener ?? this.#onRequest
  }

  readonly onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const handshake = checkHandshake(request)
    if (isHandshakeProblem(handshake)) {
      refuse(socket, plainDenial(handshake.status, handshake.message, handshake.headers))
      return
    }
    const scope = webSocketScope(request, this.#options, handshake.subprotocols)
    if (scope === undefined) {
      refuse(socket, plainDenial(400, 'The path is invalid.'))
      return
    }
    new WebSocketConnection(socket, handshake, scope.path, this.#context).start(this.#application, scope, head)
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const scope = httpScope(request, this.#options, { [NODE_EXTENSION]: { request, response } })
    if (scope === undefined) {
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end('The path is invalid.\n')
      return
    }
    void new HttpExchange(request, response, this.#options).run(this.#application, scope)
  }

  async close(timeoutMs: number): Promise<void> {
    for (const connection of this.connections) connection.shutDown(closeCodes.serviceRestart, 'server restart')
    const deadline = performance.now() + timeoutMs
    while (this.connections.size > 0 && performance.now() < deadline) await pause(CLOSE_POLL_MS)
    for (const connection of this.connections) connection.terminate()
  }
}

function refuse(socket: Socket, response: string): void {
  // The peer may be gone already; there is nobody to tell.
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(response)
}

function refuseUpgrade(_request: IncomingMessage, socket: Socket): void {
  refuse(socket, plainDenial(503, 'The server is shutting down.'))
}

function shortestTimeout(options: ResolvedOptions): number {
  const { connectTimeoutMs, pingIntervalMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs } = options
  const { applicationCloseTimeoutMs } = options
  const times = [connectTimeoutMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs, applicationCloseTimeoutMs]
  return Math.min(...times, pingIntervalMs === false ? Infinity : pingIntervalMs)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

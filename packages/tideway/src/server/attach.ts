import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Application } from '../asgi/application.ts'
import { nodeListenerKey } from '../asgi/node-listener.ts'
import { checksOrigin } from '../asgi/origin-check.ts'
import { AccessRecorder } from './access-log/access-recorder.ts'
import { drain } from './drain.ts'
import { EmptyingSet } from './emptying-set.ts'
import { Heartbeat } from './heartbeat.ts'
import { guardedListener } from './http/guarded-listener.ts'
import { HttpExchange } from './http/http-exchange.ts'
import { ignoreUpgrade } from './http/ignored-upgrade.ts'
import { endingPipelined } from './http/pipelined-request.ts'
import { answerPlainly } from './http/plain-answer.ts'
import { ConnectionGate } from './limits/connection-gate.ts'
import { behindGate } from './limits/request-refusal.ts'
import type { NodeListener } from './node-listener.ts'
import { resolveOptions, type AttachOptions, type ResolvedOptions, type SharedServerOptions } from './options.ts'
import { RETRY_AFTER_SECONDS, withReadiness } from './readiness.ts'
import { NODE_EXTENSION, ScopeFactory } from './scope.ts'
import { Compression } from './websocket/deflate/compression.ts'
import { asksForWebSocket, checkHandshake, isHandshakeProblem, type HandshakeProblem } from './websocket/handshake.ts'
import { bothObservers } from './observe/both-observers.ts'
import { Instrumented } from './observe/instrumented.ts'
import { ServerObserver } from './observe/server-observer.ts'
import type { RefusalReason } from './observe/server-counters.ts'
import type { ServerStats } from './observe/server-stats.ts'
import { answersOverHttp1 } from './websocket/handshake-answers.ts'
import { Outbox } from './websocket/outbox.ts'
import { RefusedHandshakes } from './websocket/refused-handshakes.ts'
import { WebSocketConnection, type ConnectionContext } from './websocket/websocket-connection.ts'

/** An application on a Node server. */
export interface Attachment {
  /** How many WebSocket connections there are: from the handshake to the end of their application. */
  readonly connectionCount: number
  /** What it has done so far, in this process. To ask costs little: once a second is nothing. */
  stats(): ServerStats
  /**
   * Takes no more handshakes, closes every WebSocket with 1012 (service restart), spread over `drainWindowMs` if there are
   * more than a hundred, and resolves when all applications have ended or the time is over. Called again, it waits for the
   * same end.
   * @param timeoutMs after it the connections are cut; their applications have a second more for the disconnect. Default
   * `drainTimeoutMs`.
   */
  close(timeoutMs?: number): Promise<void>
}

/**
 * Serves the application on a server that exists: its WebSocket handshakes, and its HTTP requests unless the server has
 * a request listener of its own already.
 */
export function attach(
  server: HttpServer | HttpsServer,
  application: Application,
  { handles, ...options }: AttachOptions & SharedServerOptions = {},
): Attachment {
  return attachToAll([server], application, options, handles)
}

/** The same for several servers, which are closed together. */
export function attachToAll(
  servers: readonly (HttpServer | HttpsServer)[],
  application: Application,
  options: AttachOptions,
  handles?: SharedServerOptions['handles'],
): Attachment {
  const resolved = resolveOptions(options)
  warnWithoutOriginCheck(application, resolved)
  const attached = new AttachedApplication(application, resolved, handles)
  for (const server of servers) {
    server.on('connection', attached.gate.onConnection)
    server.on('upgrade', attached.onUpgrade)
    if (server.listenerCount('request') === 0) server.on('request', attached.onRequest)
  }
  return {
    get connectionCount() {
      return attached.connections.size
    },
    stats: () => attached.stats(),
    close(timeoutMs = resolved.drainTimeoutMs) {
      for (const server of servers) {
        if (!server.listeners('upgrade').includes(attached.onUpgrade)) continue
        server.removeListener('upgrade', attached.onUpgrade)
        server.on('upgrade', (request, socket) => {
          // Who has attached something else since then answers.
          if (server.listenerCount('upgrade') === 1) attached.refuseLate(request, socket as Socket)
        })
      }
      return attached.close(timeoutMs)
    },
  }
}

class AttachedApplication {
  readonly #application: Application
  readonly #options: ResolvedOptions
  readonly #handles: SharedServerOptions['handles']
  readonly #context: ConnectionContext
  readonly #scopes: ScopeFactory
  readonly onRequest: NodeListener
  readonly gate: ConnectionGate
  readonly #access: AccessRecorder | undefined
  readonly #instrumented: Instrumented | undefined
  readonly connections = new EmptyingSet<WebSocketConnection>()
  readonly #refused: RefusedHandshakes
  readonly #observer: ServerObserver
  #closed: Promise<void> | undefined
  #isClosed = false

  constructor(application: Application, options: ResolvedOptions, handles: SharedServerOptions['handles']) {
    this.#application = application
    this.#options = options
    this.#handles = handles
    this.#scopes = new ScopeFactory(options)
    this.gate = new ConnectionGate(options)
    this.#refused = new RefusedHandshakes(options.closeTimeoutMs)
    const heartbeat = new Heartbeat(shortestTimeout(options))
    const compression = options.compression === false ? undefined : new Compression(options.compression)
    this.#access =
      options.accessLog === false
        ? undefined
        : new AccessRecorder(options.accessLog, (request) => this.#scopes.client(request)?.host)
    this.#instrumented =
      options.instrumentation === undefined ? undefined : new Instrumented(options.instrumentation, options.logger)
    this.#observer = new ServerObserver(application)
    this.#context = {
      options,
      counters: this.#observer.counters,
      heartbeat,
      outbox: new Outbox(),
      connections: this.connections,
      compression,
      observer: bothObservers(this.#access, this.#instrumented),
    }
    const listener = directListener(application, options)
    const { readinessPath } = options
    const onRequest = behindGate(this.gate, listener ?? this.#onRequest)
    const isDraining = (): boolean => this.#closed !== undefined
    const ready = readinessPath === false ? onRequest : withReadiness(readinessPath, isDraining, onRequest)
    const told = this.#instrumented?.listener(ready) ?? ready
    const counted = this.#observer.listener(told)
    this.onRequest = endingPipelined(this.#access?.listener(counted) ?? counted)
  }

  readonly onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    if (this.#handles?.(request) === false && isHeardByOthers(socket)) return
    if (!asksForWebSocket(request)) {
      ignoreUpgrade(request, socket, head)
      return
    }
    this.#observer.counters.handshakes++
    const refusal = this.gate.refusalOf(request)
    if (refusal !== undefined) {
      this.#refuseHandshake(request, socket, refusal, refusal.reason)
      return
    }
    const handshake = checkHandshake(request, this.#context.compression)
    if (isHandshakeProblem(handshake)) {
      this.#refuseHandshake(request, socket, handshake, 'badHandshake')
      return
    }
    const scope = this.#scopes.webSocket(request, handshake.subprotocols)
    if (scope === undefined) {
      this.#refuseHandshake(request, socket, invalidPath, 'badHandshake')
      return
    }
    const tooMany = this.gate.refusalOfForwarded(socket, scope.client?.host)
    if (tooMany !== undefined) {
      this.#refuseHandshake(request, socket, tooMany, tooMany.reason)
      return
    }
    socket.setTimeout(0)
    socket.setNoDelay(true)
    const connection = new WebSocketConnection(socket, handshake, scope.path, this.#context)
    this.#access?.connecting(connection, request)
    const start = (): void => connection.start(this.#application, scope, head)
    if (this.#instrumented === undefined) start()
    else this.#instrumented.start(connection, scope, request, start)
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const scope = this.#scopes.http(request, { [NODE_EXTENSION]: { request, response } })
    if (scope === undefined) {
      answerPlainly(response, 400, 'The path is invalid.')
      return
    }
    this.#instrumented?.requestScope(scope, request)
    void new HttpExchange(request, response, this.#options).run(this.#application, scope)
  }

  /** Refuses a handshake that comes after `close()`. */
  refuseLate(request: IncomingMessage, socket: Socket): void {
    this.#observer.counters.handshakes++
    this.#refuseHandshake(request, socket, shuttingDown, 'shuttingDown')
  }

  stats(): ServerStats {
    const state = this.#isClosed ? 'closed' : this.#closed === undefined ? 'serving' : 'draining'
    return this.#observer.stats({
      state,
      sockets: { open: this.gate.open, total: this.gate.total },
      openWebSockets: this.connections.size,
      compression: this.#context.compression?.counters,
    })
  }

  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#close(timeoutMs)
    return this.#closed
  }

  async #close(timeoutMs: number): Promise<void> {
    await drain(this.connections, { windowMs: this.#options.drainWindowMs, timeoutMs })
    this.#refused.cut()
    this.#observer.stop()
    this.#isClosed = true
  }

  #refuseHandshake(request: IncomingMessage, socket: Socket, problem: HandshakeProblem, reason: RefusalReason): void {
    this.#observer.counters.refused[reason]++
    socket.setTimeout(0)
    this.#refused.refuse(socket, answersOverHttp1, problem)
    this.#access?.refusedByServer(request, problem.status)
  }
}

/** Whether somebody else answers the upgrades of the server that has this socket. */
function isHeardByOthers(socket: Socket): boolean {
  return (socket as Socket & { readonly server: HttpServer }).server.listenerCount('upgrade') > 1
}

/** The listener of an HTTP application that is one. With a time limit it is called through an exchange, which looks after that. */
function directListener(
  application: Application,
  { httpTimeoutMs, logger }: ResolvedOptions,
): NodeListener | undefined {
  const listener = (application as { readonly [nodeListenerKey]?: NodeListener })[nodeListenerKey]
  return listener === undefined || httpTimeoutMs !== false ? undefined : guardedListener(listener, logger)
}

/** Cookies go along with a handshake from any site's page (RFC 6455 §10.2): only a check of `Origin` tells them apart. */
function warnWithoutOriginCheck(application: Application, { logger }: ResolvedOptions): void {
  if (checksOrigin(application)) return
  logger.warn(
    {},
    'Nothing checks the Origin of WebSocket handshakes, so any web page can open them with the cookies of its visitor: ' +
      'wrap the application in allowedHostsOriginValidator(…), or in originValidator(…, ["*"]) if that is meant.',
  )
}

function shortestTimeout(options: ResolvedOptions): number {
  const { connectTimeoutMs, pingIntervalMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs } = options
  const { applicationCloseTimeoutMs, idleTimeoutMs, maxAgeMs } = options
  const times = [connectTimeoutMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs, applicationCloseTimeoutMs]
  const mayBeOff = [pingIntervalMs, idleTimeoutMs, maxAgeMs].filter((time) => time !== false)
  return Math.min(...times, ...mayBeOff)
}

const invalidPath: HandshakeProblem = { status: 400, message: 'The path is invalid.', headers: [] }
const shuttingDown: HandshakeProblem = {
  status: 503,
  message: 'The server is shutting down.',
  headers: [['Retry-After', String(RETRY_AFTER_SECONDS)]],
}

import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import { AccessRecorder } from './observe/access-log/access-recorder.ts'
import { guardedAccessLog } from './observe/access-log/guarded-access-log.ts'
import { BufferedBytes, type BufferHolder } from './transport/buffered-bytes.ts'
import { drain } from './drain.ts'
import { EmptyingSet } from './emptying-set.ts'
import { Heartbeat } from './transport/heartbeat.ts'
import { ignoreErrors } from './transport/ignore-errors.ts'
import { afterResponses } from './http/after-responses.ts'
import { directListener } from './http/direct-listener.ts'
import { HttpExchange } from './http/http-exchange.ts'
import { ignoreUpgrade } from './http/ignored-upgrade.ts'
import { answersOverHttp2 } from './http2/answers-over-http2.ts'
import { checkExtendedConnect } from './http2/extended-connect.ts'
import { serveStream, type Http2StreamListener, type StreamServer } from './http2/serve-stream.ts'
import { messageOf, type RequestHead } from './handshake/request-head.ts'
import { ignoresMore, leavePipeline } from './http/pipeline.ts'
import { respondText, respondToConnect } from './http/plain-responses.ts'
import { AllowedHosts } from './handshake/allowed-hosts.ts'
import { toOriginForm } from './handshake/absolute-form.ts'
import { adviseHost, faultOf } from './handshake/request-fault.ts'
import { httpBuffers } from './limits/http-buffers.ts'
import { ConnectionGate } from './limits/connection-gate.ts'
import { trafficLimits } from './limits/traffic-limits.ts'
import type { NodeListener } from './http/node-listener.ts'
import { requestPipeline, type RequestListeners } from './request-pipeline.ts'
import { shortestTimeout, type ResolvedOptions, type SharedServerOptions } from './options.ts'
import { ForeignCookies } from './handshake/foreign-cookies.ts'
import { RefusalLog } from './handshake/refusal-log.ts'
import { RETRY_AFTER_SECONDS } from './http/readiness.ts'
import { NODE_EXTENSION, ScopeFactory } from './handshake/scope.ts'
import { Compression } from './websocket/deflate/compression.ts'
import { asksForWebSocket, checkHandshake, isHandshakeProblem } from './handshake/handshake.ts'
import { connectionObservers } from './observe/connection-observers.ts'
import { Instrumented } from './observe/instrumented.ts'
import { ServerObserver } from './observe/server-observer.ts'
import type { RefusalReason } from './handshake/refusal-reason.ts'
import type { ServerStats } from './observe/server-stats.ts'
import { answersOverHttp1 } from './handshake/handshake-answers.ts'
import { Outbox } from './websocket/outbox.ts'
import { RefusedHandshakes } from './handshake/refused-handshakes.ts'
import { WebSocketConnection, type ConnectionContext } from './websocket/websocket-connection.ts'
import type { HandshakeAnswers, HandshakeProblem } from './handshake/handshake-result.ts'

/** Serves one application on its servers: dispatches each request and handshake, from its first check to its end. */
export class AttachedApplication {
  readonly #application: Application
  readonly #options: ResolvedOptions
  readonly #handles: SharedServerOptions['handles']
  readonly #hosts: AllowedHosts | undefined
  readonly #context: ConnectionContext
  readonly #scopes: ScopeFactory
  readonly #listeners: RequestListeners
  readonly gate: ConnectionGate
  readonly #access: AccessRecorder | undefined
  readonly #instrumented: Instrumented | undefined
  readonly connections: EmptyingSet<WebSocketConnection> = new EmptyingSet()
  readonly #refused: RefusedHandshakes
  readonly #refusals: RefusalLog
  /** `undefined` if the application checks the Origin itself. */
  readonly #foreignCookies: ForeignCookies | undefined
  readonly #observer: ServerObserver
  readonly #buffered: BufferedBytes
  #closed: Promise<void> | undefined
  #isClosed = false

  constructor(application: Application, options: ResolvedOptions, handles: SharedServerOptions['handles']) {
    this.#application = application
    this.#options = options
    this.#handles = handles
    this.#scopes = new ScopeFactory(options)
    this.#hosts = options.allowedHosts === false ? undefined : new AllowedHosts(options.allowedHosts)
    this.gate = new ConnectionGate(options)
    this.#refused = new RefusedHandshakes(options.closeTimeoutMs)
    this.#refusals = new RefusalLog(options.logger)
    this.#foreignCookies = traitsOf(application).checksOrigin === true ? undefined : new ForeignCookies(this.#refusals)
    const heartbeat = new Heartbeat(shortestTimeout(options))
    const compression = options.compression === false ? undefined : new Compression(options.compression)
    this.#access =
      options.accessLog === false
        ? undefined
        : new AccessRecorder(
            guardedAccessLog(options.accessLog, options.logger),
            options.secretQueryNames,
            (request) => this.#scopes.client(request)?.host,
          )
    this.#instrumented =
      options.instrumentation === undefined ? undefined : new Instrumented(options.instrumentation, options.logger)
    this.#observer = new ServerObserver(application)
    this.#buffered = new BufferedBytes(options.maxBufferedBytesTotal, () => this.#holders())
    this.#context = {
      options,
      counters: this.#observer.counters,
      buffered: this.#buffered,
      heartbeat,
      outbox: new Outbox(),
      connections: this.connections,
      limits: trafficLimits(options, heartbeat),
      compression,
      observer: connectionObservers([this.#access, this.#instrumented]),
      refusals: this.#refusals,
    }
    this.#listeners = requestPipeline(directListener(application, options) ?? this.#onRequest, {
      options,
      hosts: this.#hosts,
      gate: this.gate,
      observer: this.#observer,
      access: this.#access,
      instrumented: this.#instrumented,
      isDraining: () => this.#closed !== undefined,
    })
  }

  get onRequest(): NodeListener {
    return this.#listeners.onRequest
  }

  readonly onUpgrade = (request: RequestHead, socket: Socket, head: Buffer): void => {
    if (ignoresMore(socket)) {
      ignoreErrors(socket)
      return
    }
    leavePipeline(socket)
    toOriginForm(request)
    if (this.#handles?.(messageOf(request)) === false && hasOtherListener(socket, 'upgrade')) return
    if (!asksForWebSocket(request)) {
      afterResponses(socket, () => ignoreUpgrade(messageOf(request), socket, head))
      return
    }
    afterResponses(socket, () => {
      socket.setTimeout(0)
      socket.setNoDelay(true)
      if (head.length > 0) socket.unshift(head)
      this.#handshake(request, socket, answersOverHttp1, checkHandshake)
    })
  }

  /** Refuses a CONNECT. Without this listener, Node would close its connection without a response. */
  readonly onConnect = (request: IncomingMessage, socket: Socket): void => {
    if (ignoresMore(socket)) {
      ignoreErrors(socket)
      return
    }
    leavePipeline(socket)
    if (hasOtherListener(socket, 'connect')) return
    afterResponses(socket, () => {
      this.#refused.endAfter(socket, () => respondToConnect(request, socket, this.#listeners.onConnect))
    })
  }

  readonly onStream: Http2StreamListener = (stream, headers, _flags, rawHeaders) => {
    serveStream(stream, headers, rawHeaders, this.#streams)
  }

  readonly #streams: StreamServer = {
    onRequest: (request, response) => this.#listeners.onStreamRequest(request, response),
    onConnect: (request, stream) => this.#handshake(request, stream, answersOverHttp2, checkExtendedConnect),
  }

  #handshake(request: RequestHead, transport: Duplex, answers: HandshakeAnswers, check: typeof checkHandshake): void {
    if (this.#closed !== undefined) {
      this.#refuseLate(request, transport, answers)
      return
    }
    this.#context.outbox.flushIfOverdue()
    this.#observer.counters.handshakes++
    const refusal = this.gate.refusalOf(request)
    if (refusal !== undefined) {
      this.#refuseHandshake(request, transport, answers, refusal, refusal.reason)
      return
    }
    const fault = faultOf(request, this.#hosts)
    if (fault !== undefined) {
      const reason = adviseHost(fault, request)
      const message = this.#refusals.answerOf(reason ?? '', fault.message)
      const problem = reason === undefined ? fault : { ...fault, message, reason }
      this.#refuseHandshake(request, transport, answers, problem, 'badHandshake')
      return
    }
    const handshake = check(request, this.#context.compression)
    if (isHandshakeProblem(handshake)) {
      this.#refuseHandshake(request, transport, answers, handshake, 'badHandshake')
      return
    }
    const scope = this.#scopes.webSocket(request, handshake.subprotocols)
    if (scope === undefined) {
      this.#refuseHandshake(request, transport, answers, invalidPath, 'badHandshake')
      return
    }
    const foreign = this.#foreignCookies?.problemOf(scope)
    if (foreign !== undefined) {
      this.#refuseHandshake(request, transport, answers, foreign, 'foreignOrigin')
      return
    }
    const tooMany =
      this.gate.refusalOfForwarded(request, transport, scope.client?.host) ??
      (answers === answersOverHttp2 ? this.gate.refusalOfStream(request, transport) : undefined)
    if (tooMany !== undefined) {
      this.#refuseHandshake(request, transport, answers, tooMany, tooMany.reason)
      return
    }
    const connection = new WebSocketConnection(transport, handshake, scope.path, this.#context)
    this.#access?.connecting(connection, request, scope.client?.host)
    if (this.#instrumented === undefined) connection.start(this.#application, scope)
    else this.#instrumented.start(connection, scope, request, () => connection.start(this.#application, scope))
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const scope = this.#scopes.http(request, { ...httpExtensions, [NODE_EXTENSION]: { request, response } })
    if (scope === undefined) {
      respondText(response, 400, 'The path is invalid.')
      return
    }
    this.#instrumented?.requestScope(scope, request)
    void new HttpExchange(request, response, this.#options, this.#observer.counters).run(this.#application, scope)
  }

  /** Refuses a handshake that comes after `close()`. */
  refuseLate(request: RequestHead, socket: Socket): void {
    socket.setTimeout(0)
    this.#refuseLate(request, socket, answersOverHttp1)
  }

  #refuseLate(request: RequestHead, transport: Duplex, answers: HandshakeAnswers): void {
    this.#observer.counters.handshakes++
    this.#refuseHandshake(request, transport, answers, shuttingDown, 'shuttingDown')
  }

  stats(): ServerStats {
    const state = this.#isClosed ? 'closed' : this.#closed === undefined ? 'serving' : 'draining'
    return this.#observer.stats({
      state,
      sockets: { open: this.gate.open, total: this.gate.total, sendTimeouts: this.gate.sendTimeouts },
      buffers: { bytes: this.#buffered.bytes, closed: this.#buffered.discarded },
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
    this.#refused.destroy()
    this.#observer.stop()
    this.#buffered.stop()
    this.#isClosed = true
  }

  *#holders(): Iterable<BufferHolder> {
    yield* this.connections
    yield* httpBuffers(this.#observer.running, this.#options.logger)
  }

  #refuseHandshake(
    request: RequestHead,
    transport: Duplex,
    answers: HandshakeAnswers,
    problem: HandshakeProblem,
    reason: RefusalReason,
  ): void {
    this.#observer.counters.refused[reason]++
    this.#refused.refuse(transport, answers, problem, request.method !== 'HEAD')
    const { status, message, reason: cause = message } = problem
    if (reason === 'badHandshake') this.#refusals.warnDeveloper(pathOf(request), `Refused a handshake: ${cause}`)
    this.#access?.refusedByServer(request, status, cause)
  }
}

/** Returns the path without the query, which may contain a token. */
function pathOf({ url = '' }: RequestHead): string {
  return url.split('?', 1)[0]!
}

/** Whether the server of this socket has another listener for the event. */
function hasOtherListener(socket: Socket, event: 'upgrade' | 'connect'): boolean {
  return (socket as Socket & { readonly server: HttpServer }).server.listenerCount(event) > 1
}

/** The ASGI extensions that the server supports. */
const httpExtensions = Object.freeze({
  'http.response.early_hint': Object.freeze({}),
  'http.response.trailers': Object.freeze({}),
})

const invalidPath: HandshakeProblem = { status: 400, message: 'The path is invalid.', headers: [] }
const shuttingDown: HandshakeProblem = {
  status: 503,
  message: 'The server is shutting down.',
  headers: [['Retry-After', String(RETRY_AFTER_SECONDS)]],
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import { LONG_RESPONSE_EXTENSION } from '../asgi/long-response.ts'
import { drain } from './drain.ts'
import { EmptyingSet } from './emptying-set.ts'
import { HandshakeDispatcher } from './handshake-dispatcher.ts'
import { AllowedHosts } from './handshake/allowed-hosts.ts'
import { RefusalLog } from './handshake/refusal-log.ts'
import { RefusedHandshakes } from './handshake/refused-handshakes.ts'
import { NODE_EXTENSION, ScopeFactory } from './handshake/scope.ts'
import { directListener } from './http/direct-listener.ts'
import { HttpExchange } from './http/http-exchange.ts'
import type { NodeListener } from './http/node-listener.ts'
import { respondText } from './http/plain-responses.ts'
import { Http1Upgrades } from './http1-upgrades.ts'
import { serveStream, type Http2StreamListener, type StreamServer } from './http2/serve-stream.ts'
import { ConnectionGate } from './limits/connection-gate.ts'
import { HeldResponses, type HeldResponse } from './limits/long-responses.ts'
import { httpBuffers } from './limits/http-buffers.ts'
import { trafficLimits } from './limits/traffic-limits.ts'
import { AccessRecorder } from './observe/access-log/access-recorder.ts'
import { connectionObservers } from './observe/connection-observers.ts'
import { Instrumented } from './observe/instrumented.ts'
import { ServerObserver } from './observe/server-observer.ts'
import type { InspectedConnections } from './inspector/inspected-connections.ts'
import type { ServerStats } from './observe/server-stats.ts'
import { shortestTimeout, type ResolvedOptions, type SharedServerOptions } from './options.ts'
import { requestPipeline, type RequestListeners } from './request-pipeline.ts'
import { BufferedBytes, type BufferHolder } from './transport/buffered-bytes.ts'
import { Heartbeat } from './transport/heartbeat.ts'
import { Compression } from './websocket/deflate/compression.ts'
import { Outbox } from './websocket/outbox.ts'
import type { WebSocketConnection } from './websocket/websocket-connection.ts'

/** Serves one application on its servers: assembles the parts that its requests and handshakes pass, and closes them. */
export class AttachedApplication {
  readonly #application: Application
  readonly #options: ResolvedOptions
  readonly #scopes: ScopeFactory
  readonly #listeners: RequestListeners
  readonly #handshakes: HandshakeDispatcher
  /** The listeners for `upgrade` and `connect`. */
  readonly upgrades: Http1Upgrades
  readonly gate: ConnectionGate
  readonly #compression: Compression | undefined
  readonly #instrumented: Instrumented | undefined
  readonly connections: EmptyingSet<WebSocketConnection> = new EmptyingSet()
  readonly #heldResponses: EmptyingSet<HeldResponse> = new EmptyingSet()
  readonly #longResponses: HeldResponses
  readonly #refused: RefusedHandshakes
  readonly #observer: ServerObserver
  readonly #buffered: BufferedBytes
  #closed: Promise<void> | undefined
  #isClosed = false

  constructor(
    application: Application,
    options: ResolvedOptions,
    handles: SharedServerOptions['handles'],
    inspected?: InspectedConnections,
  ) {
    inspected?.watch(this.connections, this.#heldResponses)
    this.#application = application
    this.#options = options
    const scopes = new ScopeFactory(options)
    const gate = new ConnectionGate(options)
    const refused = new RefusedHandshakes(options.closeTimeoutMs)
    const observer = new ServerObserver(application)
    const { accessLog, instrumentation } = options
    const access =
      accessLog === false
        ? undefined
        : new AccessRecorder(accessLog, options, (request) => scopes.client(request)?.host)
    const instrumented = instrumentation === undefined ? undefined : new Instrumented(instrumentation, options.logger)
    const hosts = options.allowedHosts === false ? undefined : new AllowedHosts(options.allowedHosts)
    this.#scopes = scopes
    this.gate = gate
    this.#refused = refused
    this.#observer = observer
    this.#instrumented = instrumented
    this.#compression = options.compression === false ? undefined : new Compression(options.compression)
    this.#buffered = new BufferedBytes(options.maxBufferedBytesTotal, () => this.#holders())
    const timeoutMs = shortestTimeout(options)
    const context = {
      options,
      counters: observer.counters,
      buffered: this.#buffered,
      heartbeat: new Heartbeat(timeoutMs, this.connections),
      outbox: new Outbox(),
      limits: trafficLimits(options, new Heartbeat(timeoutMs)),
      compression: this.#compression,
      observer: connectionObservers([access, instrumented]),
      refusals: new RefusalLog(options.logger),
    }
    this.#longResponses = new HeldResponses(gate, this.#heldResponses, {
      outbox: context.outbox,
      inspected,
      isDraining: () => this.#closed !== undefined,
    })
    const shared = { gate, hosts, access, instrumented, isDraining: () => this.#closed !== undefined }
    this.#listeners = requestPipeline(this.#listener, {
      ...shared,
      options,
      observer,
    })
    this.#handshakes = new HandshakeDispatcher(application, {
      ...shared,
      context,
      counters: observer.counters,
      scopes,
      refused,
      inspected,
    })
    this.upgrades = new Http1Upgrades({
      handles,
      handshakes: this.#handshakes,
      refused,
      respondToConnect: this.#listeners.onConnect,
    })
  }

  get onRequest(): RequestListeners['onRequest'] {
    return this.#listeners.onRequest
  }

  readonly onStream: Http2StreamListener = (stream, headers, _flags, rawHeaders) => {
    serveStream(stream, headers, rawHeaders, this.#streams)
  }

  readonly #streams: StreamServer = {
    onRequest: (request, response) => this.#listeners.onStreamRequest(request, response),
    onConnect: (request, stream) => this.#handshakes.onExtendedConnect(request, stream),
  }

  /** Calls the application, or its Node listener. */
  get #listener(): NodeListener {
    const direct = directListener(this.#application, this.#options)
    if (direct === undefined) return this.#onRequest
    const answersItself = this.answersItself
    if (answersItself === undefined) return direct
    return (request, response) => (answersItself(request) ? this.#onRequest : direct)(request, response)
  }

  /** Whether the application answers a request also if a Node listener gets the others. `undefined`: none. */
  get answersItself(): ((request: IncomingMessage) => boolean) | undefined {
    const { answersItself } = traitsOf(this.#application)
    if (answersItself === undefined) return undefined
    return (request) => {
      // Most requests do not pay for a scope.
      if (request.method !== 'POST' && request.method !== 'OPTIONS') return false
      const scope = this.#scopes.http(request, {})
      return scope !== undefined && answersItself(scope)
    }
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const scope = this.#scopes.http(request, {
      ...httpExtensions,
      [LONG_RESPONSE_EXTENSION]: this.#longResponses,
      [NODE_EXTENSION]: { request, response },
    })
    if (scope === undefined) {
      respondText(response, 400, 'The path is invalid.')
      return
    }
    this.#instrumented?.requestScope(scope, request)
    void new HttpExchange(request, response, this.#options, this.#observer.counters).run(this.#application, scope)
  }

  stats(): ServerStats {
    const state = this.#isClosed ? 'closed' : this.#closed === undefined ? 'serving' : 'draining'
    return this.#observer.stats({
      state,
      sockets: { open: this.gate.open, total: this.gate.total, sendTimeouts: this.gate.sendTimeouts },
      buffers: { bytes: this.#buffered.bytes, closed: this.#buffered.discarded },
      openWebSockets: this.connections.size,
      compression: this.#compression?.counters,
    })
  }

  close(timeoutMs: number, canMove: boolean): Promise<void> {
    this.#closed ??= this.#close(timeoutMs, canMove)
    return this.#closed
  }

  async #close(timeoutMs: number, canMove: boolean): Promise<void> {
    const times = { windowMs: this.#options.drainWindowMs, timeoutMs, canMove }
    await Promise.all([drain(this.connections, times), drain(this.#heldResponses, times)])
    this.#refused.destroy()
    this.#observer.stop()
    this.#buffered.stop()
    this.#isClosed = true
  }

  *#holders(): Iterable<BufferHolder> {
    yield* this.connections
    yield* httpBuffers(this.#observer.running, this.#options.logger)
  }
}

/** The ASGI extensions that the server supports. */
const httpExtensions = Object.freeze({
  'http.response.early_hint': Object.freeze({}),
  'http.response.trailers': Object.freeze({}),
})

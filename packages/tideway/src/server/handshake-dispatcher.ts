import type { Duplex } from 'node:stream'
import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import type { AllowedHosts } from './handshake/allowed-hosts.ts'
import { ForeignCookies } from './handshake/foreign-cookies.ts'
import { checkHandshake, isHandshakeProblem } from './handshake/handshake.ts'
import { answersOverHttp1 } from './handshake/handshake-answers.ts'
import type { HandshakeAnswers, HandshakeProblem } from './handshake/handshake-result.ts'
import type { RefusalReason } from './handshake/refusal-reason.ts'
import type { RefusedHandshakes } from './handshake/refused-handshakes.ts'
import { adviseHost, faultOf } from './handshake/request-fault.ts'
import type { RequestHead } from './handshake/request-head.ts'
import type { ScopeFactory } from './handshake/scope.ts'
import type { InspectedConnections } from './inspector/inspected-connections.ts'
import { RETRY_AFTER_SECONDS } from './http/readiness.ts'
import { answersOverHttp2, checkExtendedConnect } from './http2/extended-connect.ts'
import type { ConnectionGate } from './limits/connection-gate.ts'
import type { AccessRecorder } from './observe/access-log/access-recorder.ts'
import type { Instrumented } from './observe/instrumented.ts'
import type { ServerCounters } from './observe/server-counters.ts'
import { WebSocketConnection, type ConnectionContext } from './websocket/websocket-connection.ts'

/** The parts of a server that check, count and report its handshakes. */
export interface HandshakeParts {
  readonly context: ConnectionContext
  readonly counters: ServerCounters
  readonly gate: ConnectionGate
  readonly hosts: AllowedHosts | undefined
  readonly scopes: ScopeFactory
  readonly refused: RefusedHandshakes
  readonly access: AccessRecorder | undefined
  readonly instrumented: Instrumented | undefined
  readonly inspected: InspectedConnections | undefined
  readonly isDraining: () => boolean
}

/** Turns the head of each WebSocket handshake into a connection on which the application runs, or into a refusal. */
export class HandshakeDispatcher {
  readonly #application: Application
  readonly #parts: HandshakeParts
  /** `undefined` if the application checks the Origin itself. */
  readonly #foreignCookies: ForeignCookies | undefined

  constructor(application: Application, parts: HandshakeParts) {
    this.#application = application
    this.#parts = parts
    const { refusals } = parts.context
    this.#foreignCookies = traitsOf(application).checksOrigin === true ? undefined : new ForeignCookies(refusals)
  }

  /** Handles a handshake of HTTP/1.1. */
  onUpgrade(request: RequestHead, socket: Duplex): void {
    this.#handshake(request, socket, answersOverHttp1, checkHandshake)
  }

  /** Handles a handshake of HTTP/2 (RFC 8441). */
  onExtendedConnect(request: RequestHead, stream: Duplex): void {
    this.#handshake(request, stream, answersOverHttp2, checkExtendedConnect)
  }

  #handshake(request: RequestHead, transport: Duplex, answers: HandshakeAnswers, check: typeof checkHandshake): void {
    const { context, counters, gate, hosts, scopes, access, instrumented, inspected } = this.#parts
    counters.handshakes++
    if (this.#parts.isDraining()) {
      this.#refuse(request, transport, answers, shuttingDown, 'shuttingDown')
      return
    }
    context.outbox.flushIfOverdue()
    const refusal = gate.refusalOf(request)
    if (refusal !== undefined) {
      this.#refuse(request, transport, answers, refusal, refusal.reason)
      return
    }
    const fault = faultOf(request, hosts)
    if (fault !== undefined) {
      const reason = adviseHost(fault, request)
      const message = context.refusals.answerOf(reason ?? '', fault.message)
      const problem = reason === undefined ? fault : { ...fault, message, reason }
      this.#refuse(request, transport, answers, problem, 'badHandshake')
      return
    }
    const handshake = check(request, context.compression)
    if (isHandshakeProblem(handshake)) {
      this.#refuse(request, transport, answers, handshake, 'badHandshake')
      return
    }
    const scope = scopes.webSocket(request, handshake.subprotocols)
    if (scope === undefined) {
      this.#refuse(request, transport, answers, invalidPath, 'badHandshake')
      return
    }
    const foreign = this.#foreignCookies?.problemOf(scope)
    if (foreign !== undefined) {
      this.#refuse(request, transport, answers, foreign, 'foreignOrigin')
      return
    }
    const tooMany =
      gate.refusalOfForwarded(request, transport, scope.client?.host) ??
      (answers === answersOverHttp2 ? gate.refusalOfStream(request, transport) : undefined)
    if (tooMany !== undefined) {
      this.#refuse(request, transport, answers, tooMany, tooMany.reason)
      return
    }
    const connection = new WebSocketConnection(transport, handshake, scope.path, context)
    access?.connecting(connection, request, scope.client?.host)
    inspected?.connecting(connection, transport, scope)
    if (instrumented === undefined) connection.start(this.#application, scope)
    else instrumented.start(connection, scope, request, () => connection.start(this.#application, scope))
  }

  #refuse(
    request: RequestHead,
    transport: Duplex,
    answers: HandshakeAnswers,
    problem: HandshakeProblem,
    reason: RefusalReason,
  ): void {
    const { context, counters, refused, access } = this.#parts
    counters.refused[reason]++
    refused.refuse(transport, answers, problem, request.method !== 'HEAD')
    const { status, message, reason: cause = message } = problem
    if (reason === 'badHandshake') context.refusals.warnDeveloper(pathOf(request), `Refused a handshake: ${cause}`)
    access?.refusedByServer(request, status, cause)
  }
}

/** Returns the path without the query, which may contain a token. */
function pathOf({ url = '' }: RequestHead): string {
  return url.split('?', 1)[0]!
}

const invalidPath: HandshakeProblem = { status: 400, message: 'The path is invalid.', headers: [] }
const shuttingDown: HandshakeProblem = {
  status: 503,
  message: 'The server is shutting down.',
  headers: [['Retry-After', String(RETRY_AFTER_SECONDS)]],
}

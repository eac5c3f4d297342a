import type { LongBody, LongResponse, LongResponses, LongTransport, RefusedResponse } from '../../asgi/long-response.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { BodyWriter } from '../http/body-writer.ts'
import { nodeExchange, type NodeExchange } from '../http/node-exchange.ts'
import { RETRY_AFTER_SECONDS } from '../http/readiness.ts'
import type { Outbox } from '../websocket/outbox.ts'
import type { ConnectionGate } from './connection-gate.ts'

/** A long response, as a drain needs it. */
export interface HeldResponse extends LongResponse {
  readonly bufferedBytes: number
  destroy(): void
}

const shuttingDown: RefusedResponse = {
  status: 503,
  message: 'The server is shutting down.',
  headers: [['Retry-After', String(RETRY_AFTER_SECONDS)]],
}

/** The subset of an inspector that gets the long responses. */
export interface ResponseInspector {
  /** @param socket may count its bytes */
  connecting(held: HeldResponse, socket: object, scope: HttpScope, transport: LongTransport): void
}

/** What {@link HeldResponses} needs of its server. */
export interface HeldResponsesParts {
  readonly outbox: Outbox
  readonly inspected: ResponseInspector | undefined
  readonly isDraining: () => boolean
}

/** Counts the long responses of a server as connections, and keeps them for its drain. */
export class HeldResponses implements LongResponses {
  readonly #gate: ConnectionGate
  readonly #held: Set<HeldResponse>
  readonly #outbox: Outbox
  readonly #inspected: ResponseInspector | undefined
  readonly #isDraining: () => boolean

  constructor(gate: ConnectionGate, held: Set<HeldResponse>, { outbox, inspected, isDraining }: HeldResponsesParts) {
    this.#gate = gate
    this.#held = held
    this.#outbox = outbox
    this.#inspected = inspected
    this.#isDraining = isDraining
  }

  start(scope: HttpScope, response: LongResponse, transport: LongTransport): RefusedResponse | undefined {
    const node = nodeExchange(scope)
    if (node === undefined) return undefined
    if (this.#isDraining()) return shuttingDown
    const refusal =
      this.#gate.refusalOfForwarded(node.request, node.response, scope.client?.host) ??
      // A connection of HTTP/1.1 has one response at a time, and is counted.
      (scope.httpVersion === '2' ? this.#gate.refusalOfStream(node.request, node.response) : undefined)
    if (refusal === undefined) this.#hold(scope, response, node, transport)
    return refusal
  }

  bodyOf(scope: HttpScope): LongBody | undefined {
    const node = nodeExchange(scope)
    return node && new BodyWriter(node.response, this.#outbox)
  }

  #hold(
    scope: HttpScope,
    response: LongResponse,
    { request, response: node }: NodeExchange,
    transport: LongTransport,
  ): void {
    const held: HeldResponse = {
      get bufferedBytes() {
        return node.writableLength
      },
      get canMove() {
        return response.canMove
      },
      announceDrain: (withinMs) => response.announceDrain(withinMs),
      shutDown: (code, reason) => response.shutDown(code, reason),
      destroy: () => node.destroy(),
    }
    this.#held.add(held)
    // The streams of HTTP/2 share one socket, and have no counters.
    const socket = scope.httpVersion === '2' ? {} : request.socket
    this.#inspected?.connecting(held, socket, scope, transport)
    node.once('close', () => this.#held.delete(held))
  }
}

import type { Duplex } from 'node:stream'
import type { HeadersInit } from '../../asgi/headers.ts'
import type { DeflateParameters } from './deflate-parameters.ts'

/** What a valid handshake asks for. */
export interface HandshakeOffer {
  readonly subprotocols: readonly string[]
  /** Agreed on, if the client offered it and the server has it. */
  readonly compression?: DeflateParameters | undefined
}

/** A handshake, and how it is answered. */
export interface Handshake extends HandshakeOffer {
  /** The client's `Sec-WebSocket-Key`; none over HTTP/2. */
  readonly key: string
  readonly answers: HandshakeAnswers
}

/** Why a handshake was refused, as the response that says so. */
export interface HandshakeProblem {
  readonly status: number
  /** What the client reads. */
  readonly message: string
  /** What the logs say where the client is told less. @default the message */
  readonly reason?: string
  readonly headers: readonly (readonly [string, string])[]
}

/** How a handshake is answered, over what it came: each writes to the connection. */
export interface HandshakeAnswers {
  /** Completes it. @throws TidewayError `ERR_BAD_EVENT`, and nothing is written */
  accept(transport: Duplex, handshake: Handshake, subprotocol: string | undefined, headers: HeadersInit): void
  /** Status and headers of a refusal; its body ends with the connection. @throws TidewayError `ERR_BAD_EVENT` */
  startDenial(transport: Duplex, status: number, headers: HeadersInit): void
  /**
   * A whole refusal in plain text.
   * @param hasBody `false` for the answer to a HEAD, which has the headers only (RFC 9110 §9.3.2). @default true
   */
  denyPlainly(transport: Duplex, problem: HandshakeProblem, hasBody?: boolean): void
}

import type { Duplex } from 'node:stream'
import type { HeadersInit } from '../../asgi/headers.ts'
import type { DeflateParameters } from './deflate-parameters.ts'

/** The subprotocols and the compression of a valid handshake. */
export interface HandshakeOffer {
  readonly subprotocols: readonly string[]
  /** The negotiated compression, if the client offered it and the server supports it. */
  readonly compression?: DeflateParameters | undefined
}

/** A valid handshake, and the answers of its HTTP version. */
export interface Handshake extends HandshakeOffer {
  /** The client's `Sec-WebSocket-Key`; empty over HTTP/2. */
  readonly key: string
  readonly answers: HandshakeAnswers
}

/** Why a handshake was refused, with its response. */
export interface HandshakeProblem {
  readonly status: number
  /** The body that the client gets. */
  readonly message: string
  /** The reason in the logs, if it has more than the client may know. @default the message */
  readonly reason?: string
  readonly headers: readonly (readonly [string, string])[]
}

/** Writes the answers to a handshake to its transport, in one version of HTTP. */
export interface HandshakeAnswers {
  /** Completes the handshake. @throws TidewayError `ERR_BAD_EVENT` before it has written anything */
  accept(transport: Duplex, handshake: Handshake, subprotocol: string | undefined, headers: HeadersInit): void
  /** Writes status and headers of a refusal. Its body ends with the connection. @throws TidewayError `ERR_BAD_EVENT` */
  startDenial(transport: Duplex, status: number, headers: HeadersInit): void
  /**
   * Writes a whole refusal in plain text.
   * @param hasBody `false` for the answer to a HEAD, which has the headers only (RFC 9110 §9.3.2). @default true
   */
  denyPlainly(transport: Duplex, problem: HandshakeProblem, hasBody?: boolean): void
}

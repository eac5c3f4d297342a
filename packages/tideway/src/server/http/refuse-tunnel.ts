import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeListener } from './node-listener.ts'
import { answerPlainly } from './plain-answer.ts'

/** There are no tunnels here, for any target (RFC 9110 §9.1). */
const NOT_IMPLEMENTED = 501

/** Answers the request of a tunnel. */
export const noTunnel: NodeListener = (_request, response) => {
  answerPlainly(response, NOT_IMPLEMENTED, 'This server is no proxy: CONNECT is not implemented.')
}

/**
 * Gives a CONNECT, for which Node has a socket and no response, the response of a request; the connection is to end behind it,
 * since what its client sends next is for the other end of a tunnel.
 */
export function answerConnect(request: IncomingMessage, socket: Socket, listener: NodeListener): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  listener(request, response)
}

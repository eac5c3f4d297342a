import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeListener } from './node-listener.ts'
import { answerPlainly } from './plain-answer.ts'

/** The server supports no tunnels, for any target (RFC 9110 §9.1). */
const NOT_IMPLEMENTED = 501

/** Refuses a CONNECT. */
export const noTunnel: NodeListener = (_request, response) => {
  answerPlainly(response, NOT_IMPLEMENTED, 'This server is not a proxy: it does not implement CONNECT.')
}

/**
 * Calls a listener for a CONNECT, for which Node has a socket and no response. The connection must end after the response, since the
 * client sends the data of its tunnel next.
 */
export function answerConnect(request: IncomingMessage, socket: Socket, listener: NodeListener): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  listener(request, response)
}

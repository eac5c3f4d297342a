import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeListener } from './node-listener.ts'

/** nginx's status for a client that disconnected before the response. */
export const CLIENT_CLOSED_REQUEST = 499

/** Responds with one line of plain text. */
export function respondText(response: ServerResponse, status: number, message: string): void {
  const body = Buffer.from(`${message}\n`)
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': body.length,
  })
  response.end(body)
}

/** The server supports no tunnels, for any target (RFC 9110 §9.1). */
const NOT_IMPLEMENTED = 501

/** Refuses a CONNECT. */
export const rejectConnect: NodeListener = (_request, response) => {
  respondText(response, NOT_IMPLEMENTED, 'This server is not a proxy: it does not implement CONNECT.')
}

/**
 * Calls a listener for a CONNECT, for which Node has a socket and no response. The connection must end after the response, since the
 * client sends the data of its tunnel next.
 */
export function respondToConnect(request: IncomingMessage, socket: Socket, listener: NodeListener): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  listener(request, response)
}

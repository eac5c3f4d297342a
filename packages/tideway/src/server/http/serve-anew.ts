import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Node's own listener, which serves a connection as HTTP. */
export type ServeHttp = (this: Server, socket: Socket) => void

/**
 * Lets Node serve a connection that something was read of. Its parser is given that when the socket flows, and not before: a
 * body that the parser stops to read in the very tick in which its listeners come is read on, as much as the client sends.
 */
export function serveAnew(server: Server, serveHttp: ServeHttp, socket: Socket, bytes: Buffer): void {
  // Whoever listens for the data first makes it flow.
  ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
  serveHttp.call(server, socket)
  socket.once('resume', () => socket.unshift(bytes))
}

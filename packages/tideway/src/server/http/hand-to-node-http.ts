import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Node's own `connection` listener, which serves a connection as HTTP. */
export type ServeHttp = (this: Server, socket: Socket) => void

/**
 * Passes a connection to Node's HTTP, together with the bytes already read from it. The bytes are put back when the socket starts to
 * flow: if Node's parser paused the socket in the same tick in which Node adds its listeners, the pause would have no effect.
 */
export function handToNodeHttp(server: Server, serveHttp: ServeHttp, socket: Socket, bytes: Buffer): void {
  // Resets the state in which the first `data` listener makes the socket flow.
  ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
  serveHttp.call(server, socket)
  socket.once('resume', () => socket.unshift(bytes))
}

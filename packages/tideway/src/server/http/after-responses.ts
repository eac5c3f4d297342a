import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Calls back when all earlier requests of the connection are answered: usually at once. A client may send requests before its
 * upgrade without waiting, and Node emits `upgrade` before their responses are sent: the client would read those as frames. The
 * function never calls back if the connection is lost first.
 */
export function afterResponses(socket: Socket, callback: () => void): void {
  const { _httpMessage: response } = socket as { readonly _httpMessage?: ServerResponse | null }
  if (response === undefined || response === null) {
    callback()
    return
  }
  // Node has removed its own listener from the socket, and no other one exists yet. This one stays: a failed write closes the
  // response first and emits an error on the socket after that.
  if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore)
  response.once('close', () => {
    if (!socket.destroyed && socket.writable) afterResponses(socket, callback)
  })
}

function ignore(): void {}

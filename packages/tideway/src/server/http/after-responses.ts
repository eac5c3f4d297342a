import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Calls when the responses are through that a connection still owes: at once as a rule. A client may have sent requests ahead of
 * its upgrade without waiting, and Node hands over the socket although their answers are to come: among frames, they would
 * be taken for frames. Never calls for a connection that is lost meanwhile.
 */
export function afterResponses(socket: Socket, then: () => void): void {
  const { _httpMessage: response } = socket as { readonly _httpMessage?: ServerResponse | null }
  if (response === undefined || response === null) {
    then()
    return
  }
  // Node has taken its own listener off the socket, and nobody else listens yet. It stays: a write that fails ends the response
  // first, and is told as an error of the socket after that.
  if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore)
  response.once('close', () => {
    if (!socket.destroyed && socket.writable) afterResponses(socket, then)
  })
}

function ignore(): void {}

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ignoreErrors } from '../transport/ignore-errors.ts'

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
  // The listener stays: a failed write closes the response first and emits an error on the socket after that.
  ignoreErrors(socket)
  response.once('close', () => {
    if (!socket.destroyed && socket.writable) afterResponses(socket, callback)
  })
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeListener } from './node-listener.ts'

/**
 * The listener, with an end for every response. A request that a client has sent behind another one, without waiting, has a
 * response that does not have the socket yet. When the client goes away Node 20 emits `close` on the one that has it only: an
 * application that waits for the end of another would wait for ever.
 */
export function endingPipelined(inner: NodeListener): NodeListener {
  return (request, response) => {
    if (response.socket === null) endWithSocket(request, response)
    inner(request, response)
  }
}

function endWithSocket({ socket }: IncomingMessage, response: ServerResponse): void {
  const onSocketClose = (): void => {
    // One that has got the socket meanwhile is told by Node.
    if (response.socket !== null) return
    response.destroy()
    response.emit('close')
  }
  socket.once('close', onSocketClose)
  response.once('close', () => socket.removeListener('close', onSocketClose))
}

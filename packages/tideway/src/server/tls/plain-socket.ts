import type { Socket } from 'node:net'

/**
 * The TCP or Unix socket below a TLS socket; a socket without TLS is its own. What a TLS server's `connection` event is about
 * is that one, and nothing public leads there from the TLS socket that a request has.
 */
export function plainSocketOf(socket: Socket): Socket {
  const { _parent: parent } = socket as { readonly _parent?: Socket | null }
  return parent ?? socket
}

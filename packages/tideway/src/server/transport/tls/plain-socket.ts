import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/**
 * The TCP or Unix socket below a TLS socket; a socket without TLS is its own. What a TLS server's `connection` event is about
 * is that one, and nothing public leads there from the TLS socket that a request has.
 */
export function plainSocketOf(socket: Socket): Socket {
  const carrier = tlsSocketOf(socket)
  const { _parent: parent } = carrier as { readonly _parent?: Socket | null }
  return parent ?? carrier
}

/** The TLS connection of a socket that is encrypted: of a stream of HTTP/2, the one that it shares. */
export function tlsSocketOf(socket: Socket): TLSSocket {
  const { carrier = socket } = socket as { readonly carrier?: Socket }
  return carrier as TLSSocket
}

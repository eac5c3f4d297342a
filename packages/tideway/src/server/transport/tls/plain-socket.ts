import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/**
 * Returns the TCP or Unix socket below a TLS socket, or the socket itself without TLS. A TLS server emits `connection` with that
 * socket, and Node has no public way from the TLS socket of a request to it.
 */
export function plainSocketOf(socket: Socket): Socket {
  const tlsSocket = tlsSocketOf(socket)
  const { _parent: parent } = tlsSocket as { readonly _parent?: Socket | null }
  return parent ?? tlsSocket
}

/** Returns the TLS socket of an encrypted socket: for an HTTP/2 stream, the TLS socket of its connection. */
export function tlsSocketOf(socket: Socket): TLSSocket {
  const { tlsSocket = socket } = socket as { readonly tlsSocket?: Socket }
  return tlsSocket as TLSSocket
}

import type { Http2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'

/** What Node gives as a session's socket throws once the session is gone, and is not the socket that a server has accepted. */
const carriers = new WeakMap<Http2Session, TLSSocket>()

/** Remembers what a session runs over. */
export function carry(session: Http2Session, socket: TLSSocket): void {
  carriers.set(session, socket)
}

/** The TLS connection that a session runs over. */
export function carrierOf(session: Http2Session): TLSSocket {
  return carriers.get(session)!
}

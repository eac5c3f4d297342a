import { addAbortSignal, type Duplex } from 'node:stream'

/**
 * Destroys a transport without a close frame: a socket, or an HTTP/2 stream, which is reset with CANCEL as a TCP connection would
 * be reset (RFC 8441 §5). Node uses that code for an aborted stream only; `close()` would send END_STREAM before the reset.
 */
export function destroyTransport(transport: Duplex): void {
  if ('rstCode' in transport) addAbortSignal(AbortSignal.abort(), transport)
  transport.destroy()
}

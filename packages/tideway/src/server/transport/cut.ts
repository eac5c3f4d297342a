import { addAbortSignal, type Duplex } from 'node:stream'

/**
 * Ends what frames go over without a word: a socket, or a stream of HTTP/2, by RST_STREAM with CANCEL, which is there what a
 * reset is to TCP (RFC 8441 §5). Node takes that code for what is aborted; close() would say its end before it resets.
 */
export function cut(transport: Duplex): void {
  if ('rstCode' in transport) addAbortSignal(AbortSignal.abort(), transport)
  transport.destroy()
}

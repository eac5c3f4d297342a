/** A socket whose protocol sends trailers in their own frame, as HTTP/2 does. Node's HTTP/1 response cannot write them. */
export interface TrailerSocket {
  /** Called before the head of a response that has trailers. */
  expectTrailers(): void
  sendTrailers(trailers: Iterable<readonly [string, string]>): void
}

/** Whether the socket of a response sends the trailers itself. */
export function isTrailerSocket(socket: object | null): socket is TrailerSocket {
  return socket !== null && 'expectTrailers' in socket
}

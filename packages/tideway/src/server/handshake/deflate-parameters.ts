/** The negotiated compression parameters of a connection (RFC 7692 §7.1). */
export interface DeflateParameters {
  readonly serverNoContextTakeover: boolean
  readonly clientNoContextTakeover: boolean
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
  /** The value of `Sec-WebSocket-Extensions` in the response. */
  readonly response: string
}

/** Chooses the parameters of compression for a connection. */
export interface CompressionNegotiator {
  /**
   * Answers a `Sec-WebSocket-Extensions` header. Returns `undefined` for no compression, and `'malformed'` if the handshake must
   * fail (RFC 6455 §9.1).
   */
  negotiate(header: string | undefined): DeflateParameters | 'malformed' | undefined
}

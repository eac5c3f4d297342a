/** Thrown by a handler to end the consumer without an error: closes the connection with 1000, or refuses the handshake with 403. */
export class StopConsumer extends Error {
  override readonly name = 'StopConsumer'
}

/** Thrown in `connect()` to accept the connection. */
export class AcceptConnection extends Error {
  override readonly name = 'AcceptConnection'
}

/** Thrown in `connect()` to refuse the connection with 403. */
export class DenyConnection extends Error {
  override readonly name = 'DenyConnection'
}

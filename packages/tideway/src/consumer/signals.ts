/** Thrown by a handler to end the consumer without an error: the connection is closed with 1000, a handshake refused with 403. */
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

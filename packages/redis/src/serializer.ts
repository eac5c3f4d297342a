/**
 * Turns messages into bytes and back. Every process of the same groups needs the same one. What is thrown by
 * `serialize` reaches whoever sends; what is thrown by `deserialize` drops the message, which is counted.
 */
export interface MessageSerializer {
  /** Takes a frozen object of nothing but what a message may hold. */
  serialize(message: Readonly<Record<string, unknown>>): Uint8Array
  /** Gives the message back. What is no message is dropped, and counted as malformed. */
  deserialize(bytes: Uint8Array): unknown
}

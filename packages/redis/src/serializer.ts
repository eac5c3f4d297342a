/**
 * Turns messages into bytes and back. Every process of the same groups needs the same one. What is thrown by
 * `serialize` reaches whoever sends; what is thrown by `deserialize` drops the message, which is counted.
 */
export interface MessageSerializer {
  /** @param message a frozen object of nothing but what a message may hold */
  serialize(message: Readonly<Record<string, unknown>>): Uint8Array
  deserialize(bytes: Uint8Array): unknown
}

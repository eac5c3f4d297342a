/**
 * Converts messages to bytes and back. All processes of a group need the same serializer. `send` and `groupSend` reject with
 * an error of `serialize`. An error of `deserialize` drops the message, and the layer counts it.
 */
export interface MessageSerializer {
  /**
   * Returns the bytes of a message.
   * @param message a frozen object that contains only valid message values
   */
  serialize(message: Readonly<Record<string, unknown>>): Uint8Array
  /** Returns the message. The layer drops a result that is not a message, and counts it as malformed. */
  deserialize(bytes: Uint8Array): unknown
}

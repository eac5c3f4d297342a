import { closeCodes } from '../asgi/close-codes.ts'
import type { Authenticated } from '../asgi/user.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { frozenJson } from './frozen-json.ts'
import type { TextOrBytes } from './text-or-bytes.ts'
import { WebSocketConsumer } from './websocket-consumer.ts'

/** A WebSocket consumer whose messages are JSON texts: override `receiveJson`. Static handlers return content. */
export abstract class JsonWebSocketConsumer<
  Kwargs extends object = {},
  Extra extends object = Authenticated,
> extends WebSocketConsumer<Kwargs, Extra> {
  /** A message of the client, decoded and not yet checked. */
  abstract receiveJson(content: unknown): void | Promise<void>

  /** The client sent bytes, or text that is not JSON. The default closes with 1003 or 1007. */
  receiveInvalid(message: TextOrBytes, _error: unknown): void | Promise<void> {
    if (message.bytes !== undefined) return this.close(closeCodes.unsupportedData, 'JSON text expected')
    return this.close(closeCodes.invalidPayload, 'invalid JSON')
  }

  /**
   * Sends the content as JSON text. Content that cannot change, such as an event of the channel layer or a part of one, is encoded once
   * for all connections of the process.
   */
  sendJson(content: unknown): void | Promise<void> {
    if (typeof content === 'object' && content !== null && Object.isFrozen(content) && this.#hasDefaultEncoding()) {
      const event = frozenJson(content)
      if (event !== undefined) return this.sendEvent(event)
    }
    return this.send({ text: this.encodeJson(content) })
  }

  /** Whether the class overrides neither the encoding nor `send()`. */
  #hasDefaultEncoding(): boolean {
    const { encodeJson, send } = JsonWebSocketConsumer.prototype
    return this.encodeJson === encodeJson && this.send === send
  }

  /** Encodes content as text. */
  encodeJson(content: unknown): string {
    return JSON.stringify(content)
  }

  /** Decodes text. An error goes to `receiveInvalid`. */
  decodeJson(text: string): unknown {
    return JSON.parse(text)
  }

  override receive(message: TextOrBytes): void | Promise<void> {
    if (message.text === undefined) return this.receiveInvalid(message, undefined)
    let content: unknown
    try {
      content = this.decodeJson(message.text)
    } catch (error) {
      return this.receiveInvalid(message, error)
    }
    return this.receiveJson(content)
  }

  protected override sharedEvent(returned: unknown): WebSocketSendEvent | undefined {
    if (returned === undefined) return undefined
    return super.sharedEvent({ text: this.encodeJson(returned) })
  }
}

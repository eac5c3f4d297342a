import type { WebSocketMessageSendEvent } from './websocket-events.ts'

/**
 * A `websocket.send` that goes out on many connections, the very same object on each. Nobody can change it, so a server
 * may keep the frame that it made of it as long as it meets the same object. Whoever knows nothing of it, a middleware
 * say, has an ordinary event before it, and a copy of it is one.
 */
class SharedSend {
  readonly type = 'websocket.send'
  readonly text: string | undefined
  readonly bytes: Uint8Array | undefined

  constructor(text: string | undefined, bytes: Uint8Array | undefined) {
    this.text = text
    this.bytes = bytes
    Object.freeze(this)
  }
}

/** A message that many connections are to be sent. Bytes are copied: their owner may fill them anew. */
export function sharedSend(message: Omit<WebSocketMessageSendEvent, 'type'>): WebSocketMessageSendEvent {
  const { text, bytes } = message
  return new SharedSend(text, bytes && new Uint8Array(bytes)) as WebSocketMessageSendEvent
}

/** Whether the event was made by {@link sharedSend}. */
export function isSharedSend(event: WebSocketMessageSendEvent): boolean {
  return event instanceof SharedSend
}

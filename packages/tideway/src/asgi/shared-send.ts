import type { WebSocketMessageSendEvent } from './websocket-events.ts'

/**
 * One `websocket.send` object for many connections. It is frozen, so a server may cache its frame by the object. For middleware it
 * is an ordinary event, and so is a copy of it.
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

/** An event for many connections. Copies the bytes, because their owner may change them later. */
export function sharedSend(message: Omit<WebSocketMessageSendEvent, 'type'>): WebSocketMessageSendEvent {
  const { text, bytes } = message
  return new SharedSend(text, bytes && new Uint8Array(bytes)) as WebSocketMessageSendEvent
}

/** Whether the event was made by {@link sharedSend}. */
export function isSharedSend(event: WebSocketMessageSendEvent): boolean {
  return event instanceof SharedSend
}

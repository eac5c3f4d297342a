import type { WebSocketMessageSendEvent } from './websocket-events.ts'

/**
 * Where the messages of one WebSocket may go instead of through `send`. In a large group nothing of a member is in the
 * processor's caches any more when its turn comes, and each function between a consumer and its socket is two or three
 * objects more to wait for: with the auth stack half of what a delivery costs before its frame is queued.
 */
export interface MessageOutlet {
  /** Whether it takes messages now. If not, `send` says why. */
  readonly isOpen: boolean
  /** Does what `send` would do with the event. */
  sendMessage(event: WebSocketMessageSendEvent): void | Promise<void>
}

/**
 * By the function itself, and not a property of it: a proxy of a `send`, or a function that was given its properties, is
 * there to see what is sent.
 */
const outlets = new WeakMap<object, MessageOutlet>()

/** Says of a server's `send` where messages may go instead. */
export function setMessageOutlet(send: object, outlet: MessageOutlet): void {
  outlets.set(send, outlet)
}

/** Says of a middleware's `send` that it passes messages on to `inner` as they are, from now on and for good. */
export function passMessages(send: object, inner: object): void {
  const outlet = outlets.get(inner)
  if (outlet !== undefined) outlets.set(send, outlet)
}

/** Where messages may go instead of this `send`. `undefined` where somebody on the way is to see them. */
export function messageOutletOf(send: object): MessageOutlet | undefined {
  return outlets.get(send)
}

import { hiddenField } from '../errors/hidden-field.ts'
import type { WebSocketMessageSendEvent } from './websocket-events.ts'

/** A handshake that the application has not answered, described for the server's timeout. */
export interface PendingHandshake {
  /** The function that has not answered: `ChatConsumer.connect()`. */
  readonly handler: string
  /** The call that it waits in: `groupAdd() of the channel layer "default"`. `undefined` if it waits for something else. */
  readonly pendingCall: string | undefined
}

/** The message of the error of a handshake that the application has not answered in time. */
export function unansweredHandshake(pending: PendingHandshake | undefined, timeoutMs: number): string {
  if (pending === undefined) return `The application did not answer a handshake within ${timeoutMs} ms.`
  const { handler, pendingCall } = pending
  return pendingCall === undefined
    ? `${handler} has neither accepted nor refused the connection within ${timeoutMs} ms.`
    : `${handler} has not accepted within ${timeoutMs} ms: it is waiting in ${pendingCall}.`
}

/**
 * Sends the messages of one WebSocket without the `send` functions of the middleware between the consumer and the server. In a
 * large group a member's objects are no longer in the processor's caches when its turn comes, and each `send` reads two or three
 * more of them: with the auth stack half of the cost of a delivery before its frame is queued.
 */
export interface DirectSender {
  /** Whether it accepts messages now. If not, call `send`, which throws the reason. */
  readonly isOpen: boolean
  /** Whether it is open and no send waits: then {@link sendMessage} does not throw for a message that was sent to another connection. */
  readonly isFlowing?: boolean
  /** Set by the application until it has answered the handshake. The server reads it at the timeout. */
  pendingHandshake?: PendingHandshake | undefined
  /** Has the effect of `send` with this event. */
  sendMessage(event: WebSocketMessageSendEvent): void | Promise<void>
}

/** Keyed by the function itself: a proxy of a `send`, or a function with its properties, sees every message. */
const directSenders = hiddenField<object, DirectSender>()

/** Sets the direct sender of a server's `send`. */
export function setDirectSender(send: object, sender: DirectSender): void {
  directSenders.set(send, sender)
}

/**
 * Keeps the direct path of messages through a middleware: from now on consumers send messages past `send`, as they do past
 * `inner`. Call it as soon as `send` passes each `websocket.send` to `inner` unchanged; there is no way back. Other events still
 * go through `send`. Without this call, a middleware's `send` sees every message.
 * @param send the `send` that the middleware gives its inner application
 * @param inner the `send` that the middleware was called with
 */
export function inheritDirectSender(send: object, inner: object): void {
  const sender = directSenderOf(inner)
  if (sender !== undefined) directSenders.set(send, sender)
}

/** The direct sender of this `send`; `undefined` if messages have to go through `send`. */
export function directSenderOf(send: object): DirectSender | undefined {
  return directSenders.get(shortestSend(send))
}

/** What a `send` of middleware passes every event to. Only for connections with a direct sender. */
const passedTo = hiddenField<object, object>()

/**
 * From now on `send` passes every event to `inner` unchanged. Unlike with {@link inheritDirectSender}, a consumer then needs `send` no
 * more, so that an idle connection does not keep it.
 */
export function passesAllTo(send: object, inner: object): void {
  if (directSenderOf(inner) !== undefined) passedTo.set(send, inner)
}

/** Returns a function with the effect of `send`, without the ones that pass every event on. */
export function shortestSend<S extends object>(send: S): S {
  let shortest = send
  for (;;) {
    // It has the events of `send`.
    const inner = passedTo.get(shortest) as S | undefined
    if (inner === undefined) return shortest
    shortest = inner
  }
}

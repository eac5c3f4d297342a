import type { FollowedEvent } from './followed-event.ts'
import { handlerNameOf } from './handlers.ts'
import type { Recipient, StaticHandler } from './static-handler.ts'

/** Handles a message, or an event of a kept group, for one recipient. */
export type Handler = (recipient: Recipient, handled: object) => void | PromiseLike<void>

/** A handler method of a consumer. */
export type Method = (this: object, ...args: readonly unknown[]) => void | PromiseLike<void>

/** How the handlers of one kind are named and called. */
export interface HandlerCalls {
  /** What the handlers handle, in the plural. */
  readonly kind: 'messages' | 'events'
  /** The method name for a type, or `undefined` if the type cannot have a handler. */
  nameOf(type: string): string | undefined
  /** Calls a method that all instances share. */
  ofMethod(method: Method): Handler
  /** Calls a property of the instance. */
  ofProperty(name: string): Handler
  /** The static handler as a function of one object. The same function for the same handler. */
  ofStatic(handler: StaticHandler): StaticHandler
}

/** Messages of the channel layer: `onChatMessage(message)`. */
export const messageCalls: HandlerCalls = {
  kind: 'messages',
  nameOf: handlerNameOf,
  ofMethod:
    (method) =>
    ({ consumer }, message) =>
      method.call(consumer, message),
  ofProperty:
    (name) =>
    ({ consumer }, message) =>
      (Reflect.get(consumer, name) as Method).call(consumer, message),
  ofStatic: (handler) => handler,
}

const staticHandlers = new WeakMap<StaticHandler, StaticHandler>()

/** Events of kept groups: `onSaid(data, at)`. The handled object is a {@link FollowedEvent}. */
export const eventCalls: HandlerCalls = {
  kind: 'events',
  nameOf(type) {
    const name = handlerNameOf(type)
    // onReset() handles resets, onPresence() changes of people.
    return name === 'onReset' || name === 'onPresence' ? undefined : name
  },
  ofMethod:
    (method) =>
    ({ consumer }, event) => {
      const { data, at } = event as FollowedEvent
      return method.call(consumer, data, at)
    },
  ofProperty:
    (name) =>
    ({ consumer }, event) => {
      const { data, at } = event as FollowedEvent
      return (Reflect.get(consumer, name) as Method).call(consumer, data, at)
    },
  ofStatic(handler) {
    let call = staticHandlers.get(handler)
    if (call === undefined) {
      const method = handler as Method
      call = function (event) {
        const { data, at } = event as FollowedEvent
        return method.call(this, data, at)
      }
      staticHandlers.set(handler, call)
    }
    return call
  },
}

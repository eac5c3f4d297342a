import type { FollowedEvent } from './followed-event.ts'
import { handlerNameOf } from './handlers.ts'
import type { Recipient, SharedEvent, StaticHandler } from './static-handler.ts'

/** A handler of messages, or of events of a kept group. */
export interface Handler {
  /** Handles a message or an event for one recipient. */
  handle(recipient: Recipient, handled: object): void | PromiseLike<void>
  /** What a static handler has answered for an earlier recipient of this message: all that is left to do is to send it. */
  answered?(handled: object): SharedEvent | undefined
}

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
  ofMethod: (method) => ({ handle: ({ consumer }, message) => method.call(consumer, message) }),
  ofProperty: (name) => ({
    handle: ({ consumer }, message) => (Reflect.get(consumer, name) as Method).call(consumer, message),
  }),
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
  ofMethod: (method) => ({
    handle({ consumer }, event) {
      const { data, at } = event as FollowedEvent
      return method.call(consumer, data, at)
    },
  }),
  ofProperty: (name) => ({
    handle({ consumer }, event) {
      const { data, at } = event as FollowedEvent
      return (Reflect.get(consumer, name) as Method).call(consumer, data, at)
    },
  }),
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

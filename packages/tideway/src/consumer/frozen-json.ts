import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { hiddenField } from '../errors/hidden-field.ts'

/** By content; `false` for content that can change although it is frozen. */
const events = hiddenField<object, WebSocketMessageSendEvent | false>()
// The members of a group send the same content one directly after the other.
let lastContent: object | undefined
let lastEvent: WebSocketMessageSendEvent | undefined

/**
 * Returns the event of a frozen content as JSON text, one for all connections of the process. Returns `undefined` at the first call
 * with the content, which may be the only one, and for content that can change: whose parts are not frozen, or which has other
 * objects than plain ones and arrays.
 */
export function frozenJson(content: object): WebSocketMessageSendEvent | undefined {
  if (content === lastContent && lastEvent !== undefined) return lastEvent
  const isFirst = content !== lastContent && events.get(content) === undefined
  lastContent = content
  lastEvent = isFirst ? undefined : eventOf(content)
  return lastEvent
}

function eventOf(content: object): WebSocketMessageSendEvent | undefined {
  let event = events.get(content)
  if (event === undefined) {
    // First, because it throws for circular content.
    const text = JSON.stringify(content)
    event = isImmutable(content) && sharedSend({ text })
    events.set(content, event)
  }
  return event || undefined
}

/** Whether JSON of the value is the same forever. */
function isImmutable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function'
  return Object.isFrozen(value) && isPlain(value) && Object.keys(value).every((key) => hasImmutable(value, key))
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null
}

function hasImmutable(value: object, key: string): boolean {
  const property = Object.getOwnPropertyDescriptor(value, key)
  return property !== undefined && property.get === undefined && isImmutable(property.value)
}

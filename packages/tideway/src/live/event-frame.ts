import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { withoutTrace } from '../layer/log/event-tracing.ts'
import { entryFrame, type EntryFrame } from './entry-frame.ts'

/**
 * Returns the frame of an entry of an event, for a group with this prefix. An entry that is not an event has the empty name, so that the
 * position of the client moves.
 */
export const eventFrame: EntryFrame = entryFrame(isEvent)

interface VolatileFrame {
  readonly prefix: string
  readonly body: string
  readonly frame: WebSocketMessageSendEvent | undefined
}

let lastVolatile: VolatileFrame | undefined

/** Returns the frame of a volatile event; `undefined` for a text that is not an event. */
export function volatileFrame(prefix: string, body: string): WebSocketMessageSendEvent | undefined {
  if (lastVolatile?.body !== body || lastVolatile.prefix !== prefix) {
    const event = withoutTrace(body)
    const frame = isEvent(event) ? sharedSend({ text: prefix + event.slice(1) }) : undefined
    lastVolatile = { prefix, body, frame }
  }
  return lastVolatile.frame
}

/** Whether the text is an event of `encodeEvent()`: another program may have appended anything. */
function isEvent(body: string): boolean {
  if (!body.startsWith('{')) return false
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return false
  }
  const { e, id, ...others } = parsed as Readonly<Record<string, unknown>>
  const isNamed = typeof e === 'string' && e !== '' && (id === undefined || typeof id === 'string')
  // The fields of the frame come before those of the body, which would replace them.
  return isNamed && !('g' in others || 'at' in others || 't' in others)
}

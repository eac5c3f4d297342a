import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import { formatPosition } from '../layer/log/position.ts'

// Frames of events: one frozen object per entry and process, whose bytes the server encodes once for all members.

const frames = new WeakMap<LogEntry, WebSocketMessageSendEvent>()
// All members of a group get an entry one directly after the other.
let lastEntry: LogEntry | undefined
let lastFrame: WebSocketMessageSendEvent | undefined

/** The first part of the frames of a group, up to its name. */
export function framePrefix(wireName: string): string {
  return `{"g":${JSON.stringify(wireName)},`
}

/**
 * Returns the frame of an entry. An entry that is not an event has the empty name, so that the position of the client moves.
 * @param prefix that of {@link framePrefix}
 */
export function eventFrame(prefix: string, entry: LogEntry): WebSocketMessageSendEvent {
  if (entry === lastEntry) return lastFrame!
  let frame = frames.get(entry)
  if (frame === undefined) {
    const start = `${prefix}"at":"${formatPosition(entry)}",`
    frame = sharedSend({ text: start + (isEvent(entry.body) ? entry.body.slice(1) : '"e":""}') })
    frames.set(entry, frame)
  }
  lastEntry = entry
  lastFrame = frame
  return frame
}

interface VolatileFrame {
  readonly prefix: string
  readonly body: string
  readonly frame: WebSocketMessageSendEvent | undefined
}

let lastVolatile: VolatileFrame | undefined

/** Returns the frame of a volatile event; `undefined` for a text that is not an event. */
export function volatileFrame(prefix: string, body: string): WebSocketMessageSendEvent | undefined {
  if (lastVolatile?.body !== body || lastVolatile.prefix !== prefix) {
    const frame = isEvent(body) ? sharedSend({ text: prefix + body.slice(1) }) : undefined
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

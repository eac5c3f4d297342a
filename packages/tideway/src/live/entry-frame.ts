import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import { withoutTrace } from '../layer/log/event-tracing.ts'
import { oncePerEntry } from '../layer/log/once-per-entry.ts'
import { formatPosition } from '../layer/log/position.ts'

/** @param prefix that of {@link framePrefix} */
export type EntryFrame = (entry: LogEntry, prefix: string) => WebSocketMessageSendEvent

/** The first part of the frames of a group, up to its name. */
export function framePrefix(wireName: string): string {
  return `{"g":${JSON.stringify(wireName)},`
}

/**
 * Returns a function that makes the frames of entries: one frozen object per entry and process, whose bytes the server encodes once for
 * all members of a group.
 * @param isValid whether the body of an entry may be in its frame: another program may have appended anything. The frame of another
 *   entry has the empty event name
 */
export function entryFrame(isValid: (body: string) => boolean): EntryFrame {
  return oncePerEntry((entry, prefix: string) => {
    const body = withoutTrace(entry.body)
    const fields = isValid(body) ? body.slice(1) : '"e":""}'
    return sharedSend({ text: `${prefix}"at":"${formatPosition(entry)}",${fields}` })
  })
}

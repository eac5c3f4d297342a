import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import { formatPosition } from '../layer/log/position.ts'
import { changeOf } from '../layer/log/state-body.ts'

// Frames of changes: one frozen object per entry and process, as those of events.

const frames = new WeakMap<LogEntry, WebSocketMessageSendEvent>()
const snapshots = new WeakMap<readonly LogEntry[], string>()

/**
 * Returns the frame of a change. An entry that is not a change has the empty event name, so that the position of the client moves.
 * @param prefix that of `framePrefix()`
 */
export function valueFrame(prefix: string, entry: LogEntry): WebSocketMessageSendEvent {
  let frame = frames.get(entry)
  if (frame === undefined) {
    const start = `${prefix}"at":"${formatPosition(entry)}",`
    frame = sharedSend({ text: start + (isChange(entry.body) ? entry.body.slice(1) : '"e":""}') })
    frames.set(entry, frame)
  }
  return frame
}

/** Returns the values as a JSON object, made once for all followers that begin at the same position. */
export function valuesJson(entries: readonly LogEntry[]): string {
  let text = snapshots.get(entries)
  if (text === undefined) {
    const members = entries.flatMap(({ body }) => {
      const { keyJson, valueJson } = changeOf(body) ?? {}
      return valueJson === undefined || !isChange(body) ? [] : [`${keyJson}:${valueJson}`]
    })
    snapshots.set(entries, (text = `{${members.join(',')}}`))
  }
  return text
}

/** Whether the text is a change of `encodeValue()` or `encodeDeletion()`: another program may have sent anything. */
function isChange(body: string): boolean {
  if (changeOf(body) === undefined) return false
  try {
    const { k: _key, d: _value, x: _deletion, ttl: _ttl, ...others } = JSON.parse(body) as Record<string, unknown>
    return Object.keys(others).length === 0
  } catch {
    return false
  }
}

import { hiddenField } from '../errors/hidden-field.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import { changeOf } from '../layer/log/state-body.ts'
import { entryFrame, type EntryFrame } from './entry-frame.ts'

const snapshots = hiddenField<readonly LogEntry[], string>()

/** Returns the frame of a change, for a group with this prefix. An entry that is not a change moves the position of the client only. */
export const valueFrame: EntryFrame = entryFrame(isChange)

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

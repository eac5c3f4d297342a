import { decodeEvent } from '../../consumer/event-body.ts'
import type { LogEntry } from '../../layer/log/event-log.ts'
import { formatPosition } from '../../layer/log/position.ts'
import { changeOf, keyOf } from '../../layer/log/state-body.ts'

/** An entry of a log, a value or a volatile event, as a line of JSON. */
export type Line =
  | { readonly position: string; readonly event: string; readonly data?: unknown; readonly id?: string | undefined }
  | { readonly position: string; readonly key: string; readonly value?: unknown; readonly deleted?: true }
  | { readonly volatile: true; readonly event: string; readonly data?: unknown }
  | { readonly position: string; readonly body: string }

/** The line of an entry. An entry of another program has its text. */
export function lineOf(entry: LogEntry): Line {
  const position = formatPosition(entry)
  const event = decodeEvent(entry.body)
  if (event !== undefined) return { position, event: event.name, data: event.data, id: event.id }
  const change = changeOf(entry.body)
  if (change === undefined) return { position, body: entry.body }
  const key = keyOf(change)
  if (change.valueJson === undefined) return { position, key, deleted: true }
  return { position, key, value: JSON.parse(change.valueJson) as unknown }
}

/** The line of a volatile event; `undefined` for one of another program. */
export function volatileLine(body: string): Line | undefined {
  const event = decodeEvent(body)
  return event && { volatile: true, event: event.name, data: event.data }
}

const POSITION_WIDTH = 14
const NAME_WIDTH = 12

/** The text of a line for a terminal. */
export function textOf(line: Line): string {
  const position = 'position' in line ? line.position : '~'
  const [name, data] = contentOf(line)
  return printable(`${position.padEnd(POSITION_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${data}`.trimEnd())
}

function contentOf(line: Line): [name: string, data: string] {
  if ('body' in line) return ['?', line.body]
  if ('key' in line) return [line.key, line.deleted === true ? '(deleted)' : JSON.stringify(line.value)]
  const id = 'id' in line && line.id !== undefined ? `  id=${line.id}` : ''
  return [line.event, `${line.data === undefined ? '' : JSON.stringify(line.data)}${id}`]
}

/** Escapes what controls a terminal or the direction of its text, because events hold text of users. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

import type { LogEntry } from '../layer/log/event-log.ts'
import { traceOf } from '../layer/log/event-tracing.ts'
import { oncePerEntry } from '../layer/log/once-per-entry.ts'
import { formatPosition } from '../layer/log/position.ts'
import { changeOf, keyOf } from '../layer/log/state-body.ts'
import { decodeEvent, decodeJson } from './event-body.ts'

/** Where an event of a kept group comes from. One frozen object for all followers of the process. */
export interface EventInfo {
  readonly group: string
  /** The position of the event, as `epoch:offset`. `undefined` for a volatile event. */
  readonly position?: string | undefined
  /** The `id` with which the event was published. */
  readonly id?: string | undefined
  /** The key of a changed value. `undefined` for an event. */
  readonly key?: string | undefined
}

/** The type of a changed value: its handler is `onValue(value, at)`. */
const VALUE = 'value'

/** An event of a kept group for its handlers. Shared by all followers of the process. */
export class FollowedEvent {
  /** The name of the event. */
  readonly type: string
  readonly data: unknown
  readonly at: EventInfo
  /** What the tracing of the publisher has passed. */
  readonly trace: string | undefined

  constructor(type: string, data: unknown, at: EventInfo, trace?: string) {
    this.type = type
    this.data = data
    this.at = at
    this.trace = trace
  }
}

/** Returns the event of an entry of the group, decoded once per process; `undefined` for an entry of another form. */
export const followedEventOf: (entry: LogEntry, group: string) => FollowedEvent | undefined = oncePerEntry(
  (entry, group: string) => decoded(group, entry.body, formatPosition(entry)),
)

/**
 * Returns the change of an entry of a group with values, decoded once per process: its data are the value, `undefined` for a deletion.
 * Returns `undefined` for an entry of another form.
 */
export const changedValueOf: (entry: LogEntry, group: string) => FollowedEvent | undefined = oncePerEntry(
  (entry, group: string) => {
    const change = changeOf(entry.body)
    if (change === undefined) return undefined
    const data = change.valueJson === undefined ? undefined : decodeJson(change.valueJson)
    // Another program has sent a text that is not JSON.
    if (data === undefined && change.valueJson !== undefined) return undefined
    return new FollowedEvent(VALUE, data, Object.freeze({ group, position: formatPosition(entry), key: keyOf(change) }))
  },
)

/** The values of these entries, by key. */
export function valuesOf(entries: readonly LogEntry[], group: string): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>()
  for (const entry of entries) {
    const change = changedValueOf(entry, group)
    if (change?.data !== undefined) values.set(change.at.key!, change.data)
  }
  return values
}

interface VolatileEvent {
  readonly group: string
  readonly body: string
  readonly event: FollowedEvent | undefined
}

let lastVolatile: VolatileEvent | undefined

/**
 * Returns the volatile event of the text, decoded once for followers that get it directly after each other.
 * @param previous what the follower got last: if it is the newest one, an equal text is another event
 */
export function volatileEventOf(
  group: string,
  body: string,
  previous: FollowedEvent | undefined,
): FollowedEvent | undefined {
  if (lastVolatile?.body !== body || lastVolatile.group !== group || lastVolatile.event === previous) {
    lastVolatile = { group, body, event: decoded(group, body, undefined) }
  }
  return lastVolatile.event
}

function decoded(group: string, body: string, position: string | undefined): FollowedEvent | undefined {
  const content = decodeEvent(body)
  if (content === undefined) return undefined
  return new FollowedEvent(
    content.name,
    content.data,
    Object.freeze({ group, position, id: content.id }),
    traceOf(body),
  )
}

import type { LogEntry } from '../layer/log/event-log.ts'
import { formatPosition } from '../layer/log/position.ts'
import { decodeEvent } from './event-body.ts'

/** Where an event of a kept group comes from. One frozen object for all followers of the process. */
export interface EventInfo {
  readonly group: string
  /** The position of the event, as `epoch:offset`. `undefined` for a volatile event. */
  readonly position?: string | undefined
  /** The `id` with which the event was published. */
  readonly id?: string | undefined
}

/** An event of a kept group for its handlers. Shared by all followers of the process. */
export class FollowedEvent {
  /** The name of the event. */
  readonly type: string
  readonly data: unknown
  readonly at: EventInfo

  constructor(type: string, data: unknown, at: EventInfo) {
    this.type = type
    this.data = data
    this.at = at
  }
}

const events = new WeakMap<LogEntry, FollowedEvent | null>()
// All followers of a group get an entry one directly after the other.
let lastEntry: LogEntry | undefined
let lastEvent: FollowedEvent | undefined

/** Returns the event of the entry, decoded once per process; `undefined` for an entry of another form. */
export function followedEventOf(group: string, entry: LogEntry): FollowedEvent | undefined {
  if (entry === lastEntry) return lastEvent
  let event = events.get(entry)
  if (event === undefined) {
    event = decoded(group, entry.body, formatPosition(entry)) ?? null
    events.set(entry, event)
  }
  lastEntry = entry
  lastEvent = event ?? undefined
  return lastEvent
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
  return new FollowedEvent(content.name, content.data, Object.freeze({ group, position, id: content.id }))
}

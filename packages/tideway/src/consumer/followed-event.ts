import type { LogEntry } from '../layer/log/event-log.ts'
import { oncePerEntry } from '../layer/log/once-per-entry.ts'
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

/** Returns the event of an entry of the group, decoded once per process; `undefined` for an entry of another form. */
export const followedEventOf: (entry: LogEntry, group: string) => FollowedEvent | undefined = oncePerEntry(
  (entry, group: string) => decoded(group, entry.body, formatPosition(entry)),
)

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

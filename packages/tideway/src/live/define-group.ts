import { handlerNameOf } from '../consumer/handlers.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { groupName } from '../layer/group-name.ts'
import { historyDefaults, MAX_HISTORY_SIZE, type History } from '../layer/log/kept-groups-options.ts'
import type { LeftListener } from '../layer/presence/presence.ts'
import { schemaOf, type EventSchemas } from './event-schemas.ts'
import { KeptGroup } from './kept-group.ts'
import { onLeftOf } from './group-presence.ts'
import type { MetaOf, PresenceSchema } from './present.ts'

/** The most characters of the id of a group. */
export const MAX_GROUP_ID_LENGTH = 256

const namePattern = /^[a-zA-Z][a-zA-Z0-9-]{0,31}$/

/** The declaration of kept groups. */
export interface GroupOptions<Events extends EventSchemas, Meta extends PresenceSchema = PresenceSchema> {
  /** The schemas of the events, by name: Standard Schema of zod, valibot, arktype and others. */
  readonly events: Events
  /** How much the log of each group keeps. @default 100 events, 300000 ms */
  readonly history?: History | undefined
  /** The schema of the public data of a person who is present, without its `key`. @default none: the groups have no presence */
  readonly presence?: Meta
}

/** The groups of one declaration, by id. */
export interface GroupFamily<Events extends EventSchemas, Meta extends PresenceSchema = undefined> {
  /**
   * Returns the group with the id: any text of 1 to 256 characters, or a whole number. Different ids are different groups.
   * @throws TidewayError `ERR_BAD_NAME`
   */
  (id: string | number): KeptGroup<Events, Meta>
  /** The name of the declaration. */
  readonly name: string
  readonly events: Events
  /** How much the log of each group keeps. */
  readonly history: History
  /** The schema of the public data of a person who is present. */
  readonly presence: Meta
  /**
   * Calls the listener when a person has left a group of this declaration: `graceMs` after the last connection of the person has
   * ended, or when the lease of its process has ended. Exactly one process that has called this function calls its listeners: the one
   * that has removed the last member. A process that is killed at that moment calls none. Returns a function that removes the
   * listener. Call it when the application starts, in every process.
   * @throws TidewayError `ERR_NO_KEPT_GROUPS` if the layer has no presence
   */
  onLeft(
    layer: ChannelLayer,
    listener: (person: { readonly key: string; readonly meta: MetaOf<Meta> }, group: string) => void,
  ): () => void
}

/**
 * Declares kept groups: their events are an ordered log, with types from their schemas. Returns a function of the id.
 * @param name the first part of the names of the groups: 1 to 32 letters, digits and hyphens
 * @example const room = defineGroup('room', { events: { said: schema }, history: { size: 200, ttlMs: 86_400_000 } })
 * @throws TidewayError `ERR_BAD_NAME` for the name, `ERR_BAD_OPTION` for events that cannot have a handler and for a history out of its range
 */
export function defineGroup<const Events extends EventSchemas, const Meta extends PresenceSchema = undefined>(
  name: string,
  { events, history = {}, presence }: GroupOptions<Events, Meta>,
): GroupFamily<Events, Meta> {
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw new TidewayError(
      'ERR_BAD_NAME',
      `The name of defineGroup() must be 1 to 32 ASCII letters, digits or hyphens, the first one a letter, not ${shown(name)}.`,
    )
  }
  requireEvents(name, events)
  const { size = historyDefaults.size, ttlMs = historyDefaults.ttlMs } = history
  requireWholeNumber('history.size', size, MAX_HISTORY_SIZE)
  requireWholeNumber('history.ttlMs', ttlMs, Infinity)
  if (presence !== undefined && typeof presence?.['~standard']?.validate !== 'function') {
    throw badEvents(name, 'presence needs a Standard Schema, such as one of zod or valibot')
  }
  const declaration = Object.freeze({
    events: Object.freeze({ ...events }),
    history: Object.freeze({ size, ttlMs }),
    presence: presence as Meta,
  })
  const group = (id: string | number): KeptGroup<Events, Meta> => {
    requireId(name, id)
    return new KeptGroup(name, String(id), groupName(name, id), declaration)
  }
  // The name of a function is read-only, and configurable.
  Object.defineProperty(group, 'name', { value: name, enumerable: true })
  const onLeft: GroupFamily<Events, Meta>['onLeft'] = (layer, listener) =>
    onLeftOf(name, layer, listener as LeftListener)
  return Object.freeze(Object.assign(group, declaration, { onLeft }))
}

function requireEvents(group: string, events: EventSchemas): void {
  const byHandler = new Map<string, string>([['onReset', 'the reset of a follower']])
  for (const [name, declared] of Object.entries(events)) {
    if (typeof schemaOf(declared)?.['~standard']?.validate !== 'function') {
      throw badEvents(group, `the event "${name}" needs a Standard Schema, such as one of zod or valibot`)
    }
    const handler = handlerNameOf(name)
    if (handler === undefined) throw badEvents(group, `no handler can have the name of the event "${name}"`)
    const other = byHandler.get(handler)
    if (other !== undefined)
      throw badEvents(group, `${handler}() is also the handler of ${other}: rename the event "${name}"`)
    byHandler.set(handler, `the event "${name}"`)
  }
}

function requireId(group: string, id: unknown): void {
  if (typeof id === 'string' ? id.length > 0 && id.length <= MAX_GROUP_ID_LENGTH : Number.isSafeInteger(id)) return
  throw new TidewayError(
    'ERR_BAD_NAME',
    `The id of a group of ${group}() must be a string of 1 to ${MAX_GROUP_ID_LENGTH} characters or a whole number, not ${shown(id)}.`,
  )
}

function badEvents(group: string, problem: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `defineGroup('${group}'): ${problem}.`)
}

function shown(value: unknown): string {
  if (typeof value === 'number') return `${value}`
  return typeof value === 'string' ? `one of ${value.length} characters` : typeof value
}

import { handlerNameOf } from '../consumer/handlers.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import type { StandardSchema } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { groupName } from '../layer/group-name.ts'
import { historyDefaults, MAX_HISTORY_SIZE, type History, type Keep } from '../layer/log/kept-groups-options.ts'
import { requireKeep } from '../layer/log/set-value.ts'
import type { LeftListener } from '../layer/presence/left-people.ts'
import { schemaOf, type EventSchemas } from './event-schemas.ts'
import { KeptGroup, type GroupDeclaration } from './kept-group.ts'
import { onLeftOf } from './group-presence.ts'
import type { MetaOf, PresenceSchema } from './present.ts'
import { StateGroup, type StateDeclaration } from './state-group.ts'

/** The most characters of the id of a group. */
export const MAX_GROUP_ID_LENGTH = 256

/** Names that `on()` of a joined group in the client has for itself. */
const namesOfClient: ReadonlySet<string> = new Set([
  'joined',
  'left',
  'presence',
  'recovered',
  'reset',
  'snapshot',
  'state',
  'value',
])

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

/** The declaration of groups with values: each key has one. */
export interface StateGroupOptions<Schema extends StandardSchema> {
  /** The schema of the values: Standard Schema of zod, valibot, arktype and others. */
  readonly state: Schema
  /** What each group keeps. @default 1000 keys, 1048576 bytes, 86400000 ms */
  readonly keep?: Keep | undefined
}

/** The groups with values of one declaration, by id. */
export interface StateGroupFamily<Schema extends StandardSchema> {
  /**
   * Returns the group with the id: any text of 1 to 256 characters, or a whole number. Different ids are different groups.
   * @throws TidewayError `ERR_BAD_NAME`
   */
  (id: string | number): StateGroup<Schema>
  /** The name of the declaration. */
  readonly name: string
  readonly state: Schema
  /** What each group keeps. */
  readonly keep: Keep
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
   * ended, or when the lease of its process has ended. Returns a function that removes the listener. Call it when the application
   * starts, in every process.
   *
   * One process calls its listeners for each person who leaves: the one that has removed the last connection. A listener that throws or
   * rejects is called again after each beat, for 24 hours. If the process ends before its listeners have returned, another one calls
   * its own, with the same `id`: each is called at least once. To hand a person to a durable task, return the promise of `enqueue()`.
   * @param listener gets an `id` that names this end of the presence, also as the `jobId` of a task
   * @throws TidewayError `ERR_NO_KEPT_GROUPS` if the layer has no presence
   */
  onLeft(
    layer: ChannelLayer,
    listener: (person: { readonly key: string; readonly meta: MetaOf<Meta> }, group: string, id: string) => unknown,
  ): () => void
}

/**
 * Declares kept groups, with types from their schemas, and returns a function of the id. With `events`, each group is an ordered log.
 * With `state`, each group has the newest value of each key.
 * @param name the first part of the names of the groups: 1 to 32 letters, digits and hyphens
 * @example const room = defineGroup('room', { events: { said: schema }, history: { size: 200, ttlMs: 86_400_000 } })
 * @example const prices = defineGroup('prices', { state: schema })
 * @throws TidewayError `ERR_BAD_NAME` for the name, `ERR_BAD_OPTION` for events that cannot have a handler or a listener in the client,
 *   for a value that is not a schema, and for a history or a bound out of its range
 */
export function defineGroup<const Events extends EventSchemas, const Meta extends PresenceSchema = undefined>(
  name: string,
  options: GroupOptions<Events, Meta>,
): GroupFamily<Events, Meta>
export function defineGroup<Schema extends StandardSchema>(
  name: string,
  options: StateGroupOptions<Schema>,
): StateGroupFamily<Schema>
export function defineGroup(
  name: string,
  options: GroupOptions<EventSchemas> | StateGroupOptions<StandardSchema>,
): GroupFamily<EventSchemas, PresenceSchema> | StateGroupFamily<StandardSchema> {
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw new TidewayError(
      'ERR_BAD_NAME',
      `The name of defineGroup() must be 1 to 32 ASCII letters, digits or hyphens, the first one a letter, not ${shown(name)}.`,
    )
  }
  if ('state' in options) {
    const declaration = stateOf(name, options)
    return familyOf(name, declaration, (id, group) => new StateGroup(name, id, group, declaration))
  }
  const declaration = eventsOf(name, options)
  const onLeft = (layer: ChannelLayer, listener: LeftListener): (() => void) => onLeftOf(name, layer, listener)
  return familyOf(name, { ...declaration, onLeft }, (id, group) => new KeptGroup(name, id, group, declaration))
}

/** A function of the id with the declaration as its properties. */
function familyOf<Declaration extends object, Group>(
  name: string,
  declaration: Declaration,
  make: (id: string, group: string) => Group,
): ((id: string | number) => Group) & Declaration {
  const family = (id: string | number): Group => {
    requireId(name, id)
    return make(String(id), groupName(name, id))
  }
  // The name of a function is read-only, and configurable.
  Object.defineProperty(family, 'name', { value: name, enumerable: true })
  return Object.freeze(Object.assign(family, declaration))
}

function eventsOf(
  name: string,
  { events, history = {}, presence }: GroupOptions<EventSchemas>,
): Required<GroupDeclaration<EventSchemas>> {
  requireEvents(name, events)
  const { size = historyDefaults.size, ttlMs = historyDefaults.ttlMs } = history
  requireWholeNumber('history.size', size, MAX_HISTORY_SIZE)
  requireWholeNumber('history.ttlMs', ttlMs, Infinity)
  if (presence !== undefined) requireSchema(name, 'presence', presence)
  return Object.freeze({
    events: Object.freeze({ ...events }),
    history: Object.freeze({ size, ttlMs }),
    presence,
  })
}

function stateOf(name: string, options: StateGroupOptions<StandardSchema>): StateDeclaration<StandardSchema> {
  const { state, keep = {} } = options
  if ('events' in options) throw badEvents(name, 'a group has either events or state')
  requireSchema(name, 'state', state)
  return Object.freeze({ state, keep: Object.freeze(requireKeep(keep)) })
}

function requireEvents(group: string, events: EventSchemas): void {
  const byHandler = new Map<string, string>([
    ['onReset', 'the reset of a follower'],
    ['onPresence', 'the changes of the people of a group'],
    ['onValue', 'the values of a group'],
  ])
  for (const [name, declared] of Object.entries(events)) {
    requireSchema(group, `the event "${name}"`, schemaOf(declared))
    if (namesOfClient.has(name)) throw badEvents(group, `on('${name}') of the client is not an event: rename it`)
    const handler = handlerNameOf(name)
    if (handler === undefined) throw badEvents(group, `no handler can have the name of the event "${name}"`)
    const other = byHandler.get(handler)
    if (other !== undefined)
      throw badEvents(group, `${handler}() is also the handler of ${other}: rename the event "${name}"`)
    byHandler.set(handler, `the event "${name}"`)
  }
}

function requireSchema(group: string, what: string, schema: StandardSchema | undefined): void {
  if (typeof schema?.['~standard']?.validate === 'function') return
  throw badEvents(group, `${what} needs a Standard Schema, such as one of zod or valibot`)
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

import { decodeEvent, encodeEvent } from '../consumer/event-body.ts'
import { keptGroupsOf } from '../consumer/kept-groups-of.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { History, HistoryOptions, PublishOptions } from '../layer/log/kept-groups-options.ts'
import { formatPosition } from '../layer/log/position.ts'
import { schemaOf, type EventSchemas, type InputOf, type OutputOf, type Volatile } from './event-schemas.ts'
import { whoIsIn, type WhoOptions } from './group-presence.ts'
import type { Here, MetaOf, PresenceSchema, WithPresence } from './present.ts'
import { turnsOf } from './start-turns.ts'
import { refused, validated } from './validated.ts'

/** The result of publishing an event. */
export interface Published {
  /** The position of the event, as `epoch:offset`. */
  readonly position: string
  /** Whether an event with the same `id` was published before. Its position is returned. */
  readonly duplicate: boolean
  /** The number of replicas that have the event, if the options asked for it. */
  readonly replicas?: number | undefined
}

/** The result of publishing an event of this schema: nothing for a volatile event. */
export type PublishedOf<Declared> = Declared extends Volatile ? void : Published

/** One event of a history. */
export type HistoryEvent<Events extends EventSchemas> = {
  readonly [Name in keyof Events & string]: Events[Name] extends Volatile
    ? never
    : {
        readonly name: Name
        readonly data: OutputOf<Events[Name]>
        /** The position of the event, as `epoch:offset`. */
        readonly position: string
        /** The `id` with which the event was published. */
        readonly id: string | undefined
      }
}[keyof Events & string]

/** What all groups of one declaration share. */
export interface GroupDeclaration<Events extends EventSchemas> {
  readonly events: Events
  readonly history: History
  readonly presence?: PresenceSchema
}

/** One kept group of a declaration: `room('lobby')`. Holds no state, so it may be made for each call. */
export class KeptGroup<Events extends EventSchemas, Meta extends PresenceSchema = PresenceSchema> {
  /** The name of the declaration. */
  readonly family: string
  /** The id as text. */
  readonly id: string
  /** The name for `this.follow(name)`. */
  readonly name: string
  readonly #declaration: GroupDeclaration<Events>

  /** @internal */
  constructor(family: string, id: string, name: string, declaration: GroupDeclaration<Events>) {
    this.family = family
    this.id = id
    this.name = name
    this.#declaration = declaration
  }

  /**
   * Publishes an event: validates the data, appends the output of the schema to the log of the group, and sends it to all
   * followers. Resolves when the event is in the log, and never waits for a follower. Events of one process stay in the order of
   * their calls. After `ERR_LAYER_UNAVAILABLE` the outcome is unknown: the same `id` again within 5 minutes is the same event.
   *
   * A volatile event resolves without a position, and accepts no options.
   * @throws TidewayError `ERR_BAD_EVENT` if the declaration has no such event or its schema refuses the data, `ERR_BAD_MESSAGE` if
   *   JSON cannot represent the output, `ERR_BAD_OPTION`, `ERR_NO_KEPT_GROUPS`, `ERR_LAYER_UNAVAILABLE`
   * @throws MessageTooLargeError if the event is over `maxEventBytes`
   */
  async publish<Name extends keyof Events & string>(
    layer: ChannelLayer,
    name: Name,
    data: InputOf<Events[Name]>,
    options?: Events[Name] extends Volatile ? undefined : PublishOptions,
  ): Promise<PublishedOf<Events[Name]>>
  async publish(
    layer: ChannelLayer,
    name: string,
    data: unknown,
    options: PublishOptions = {},
  ): Promise<Published | void> {
    return this.publishShown(layer, name, data, options, options.id)
  }

  /**
   * As {@link publish}, with an id for followers that is not the one for the check of duplicates.
   * @internal
   */
  async publishShown(
    layer: ChannelLayer,
    name: string,
    data: unknown,
    options: PublishOptions,
    shownId: string | undefined,
  ): Promise<Published | void> {
    const groups = keptGroupsOf(layer)
    const { events, history } = this.#declaration
    const declared = Object.hasOwn(events, name) ? events[name] : undefined
    if (declared === undefined) {
      throw refused('ERR_BAD_EVENT', eventOf(this.name, name), 'the declaration of the group has no such event')
    }
    return turnsOf(layer).run(
      this.name,
      validated(schemaOf(declared), data, eventOf(this.name, name)),
      async (output) => {
        if ('volatile' in declared) return groups.publishVolatile(this.name, encodeEvent(name, output))
        const body = encodeEvent(name, output, shownId)
        const { position, ...appended } = await groups.publish(this.name, body, history, options)
        return { position: formatPosition(position), ...appended }
      },
    )
  }

  /**
   * Reads the newest events of the group, oldest first. Leaves out events that the declaration does not have.
   * @throws TidewayError `ERR_NO_KEPT_GROUPS`, `ERR_BAD_OPTION`; `ERR_LAYER_UNAVAILABLE` if the log cannot be read
   */
  async history(layer: ChannelLayer, options?: HistoryOptions): Promise<readonly HistoryEvent<Events>[]> {
    const { entries } = await keptGroupsOf(layer).history(this.name, options)
    const { events } = this.#declaration
    return entries.flatMap((entry) => {
      const event = decodeEvent(entry.body)
      if (event === undefined || !Object.hasOwn(events, event.name)) return []
      return [{ ...event, position: formatPosition(entry) } as HistoryEvent<Events>]
    })
  }

  /**
   * Reads who is in the group, at one moment.
   * @throws TidewayError `ERR_BAD_OPTION` if the declaration has no presence, or for a `limit` out of its range;
   *   `ERR_NO_KEPT_GROUPS`, `ERR_LAYER_UNAVAILABLE`
   */
  who(layer: WithPresence<Meta>, options?: WhoOptions): Promise<Here<MetaOf<Meta>>> {
    return whoIsIn(this, layer, options) as Promise<Here<MetaOf<Meta>>>
  }

  /** Reads the number of people in the group. @throws as {@link who} */
  async count(layer: WithPresence<Meta>): Promise<number> {
    return (await whoIsIn(this, layer, { limit: 0 })).count
  }

  /** @internal The schema of the metas. */
  get presence(): Meta {
    return this.#declaration.presence as Meta
  }
}

function eventOf(group: string, name: string): string {
  return `The event "${name}" of the group "${group}"`
}

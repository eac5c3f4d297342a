import type { ChannelLayer, Message } from '../../layer/channel-layer.ts'
import type { SetValueOptions } from '../../layer/log/kept-groups-options.ts'
import type { EventSchemas } from '../event-schemas.ts'
import { KeptGroup } from '../kept-group.ts'
import { groupOf } from '../live-settings.ts'
import type { Changed, StateGroup } from '../state-group.ts'
import type { StandardSchema } from '../../errors/standard-schema.ts'
import type { RingKey } from './key-ring.ts'
import type { PublishSettings } from './publish-options.ts'
import { Refusal } from './refusal.ts'

/** The result of an item. */
export type ItemResult =
  /** A kept event. */
  | { readonly position: string; readonly duplicate: boolean }
  /** A value of a state group. */
  | { readonly changed: boolean; readonly version: string | null }
  /** A volatile event, or a message to a plain group: sent at most once. */
  | { readonly sent: true }

type Fields = Readonly<Record<string, unknown>>

/** Publishes the items of requests: each goes to a kept group, to a state group or to a plain group. */
export class ItemPublisher {
  readonly #layer: ChannelLayer
  readonly #settings: PublishSettings

  constructor(layer: ChannelLayer, settings: PublishSettings) {
    this.#layer = layer
    this.#settings = settings
  }

  /** @throws Refusal, or the errors of the layer */
  async publish(item: unknown, key: RingKey): Promise<ItemResult> {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) throw badItem('An item must be an object.')
    const fields = item as Fields
    const { group } = fields
    if (typeof group !== 'string') throw badItem('"group" must be a string, such as "room.lobby".')
    if (Object.hasOwn(fields, 'message')) return this.#send(group, fields, key)
    const found = groupOf(this.#settings, group)
    if (found === undefined) throw unknownGroup(group)
    requireAllowed(key, group, found.family)
    return found instanceof KeptGroup ? this.#publishEvent(found, fields) : this.#change(found, fields)
  }

  async #publishEvent(group: KeptGroup<EventSchemas>, fields: Fields): Promise<ItemResult> {
    const { event, data, id } = only(fields, ['group', 'event', 'data', 'id'])
    if (typeof event !== 'string') throw badItem('"event" must be the name of an event.')
    if (id !== undefined && typeof id !== 'string') throw badItem('"id" must be a string.')
    if (id !== undefined && isVolatile(this.#settings, group.family, event)) {
      throw badItem('A volatile event is not kept, so it has no "id".')
    }
    const published = await group.publish(this.#layer, event, data, id === undefined ? undefined : { id })
    if (published === undefined) return { sent: true }
    return { position: published.position, duplicate: published.duplicate }
  }

  async #change(group: StateGroup<StandardSchema>, fields: Fields): Promise<ItemResult> {
    const {
      key,
      value,
      delete: deletes,
      ttlMs,
      ifVersion,
    } = only(fields, ['group', 'key', 'value', 'delete', 'ttlMs', 'ifVersion'])
    if (typeof key !== 'string') throw badItem('"key" must be a string.')
    // The layer checks both.
    const options = { ttlMs, ifVersion } as SetValueOptions
    let result: Changed
    if (deletes === undefined) result = await group.set(this.#layer, key, value, options)
    else {
      if (deletes !== true || value !== undefined || ttlMs !== undefined) {
        throw badItem('A deletion has "delete": true, and neither "value" nor "ttlMs".')
      }
      result = await group.delete(this.#layer, key, options)
    }
    const { changed, version = null } = result
    if (!changed && ifVersion !== undefined) {
      throw new Refusal('conflict', `The version of the key is ${version ?? 'none: it has no value'}.`)
    }
    return { changed, version }
  }

  async #send(group: string, fields: Fields, key: RingKey): Promise<ItemResult> {
    const { message } = only(fields, ['group', 'message'])
    if (!this.#settings.isPlainGroup(group)) throw unknownGroup(group)
    requireAllowed(key, group, undefined)
    await this.#layer.groupSend(group, message as Message)
    return { sent: true }
  }
}

function isVolatile({ groups }: PublishSettings, family: string, event: string): boolean {
  const declaration = groups[family]!
  return 'events' in declaration && 'volatile' in (declaration.events[event] ?? {})
}

/** Refuses fields with a wrong name, such as `ID`, which would have no effect. */
function only(fields: Fields, names: readonly string[]): Fields {
  const other = Object.keys(fields).find((name) => !names.includes(name))
  if (other === undefined) return fields
  throw badItem(`An item of this group has the fields ${names.join(', ')}, not ${JSON.stringify(other.slice(0, 64))}.`)
}

function requireAllowed({ name, allows }: RingKey, group: string, family: string | undefined): void {
  if (!allows(group, family)) throw new Refusal('forbidden', `The key "${name}" may not publish to this group.`)
}

function badItem(message: string): Refusal {
  return new Refusal('bad_item', message)
}

function unknownGroup(group: string): Refusal {
  return new Refusal('unknown_group', `The API does not publish to a group ${JSON.stringify(group.slice(0, 100))}.`)
}

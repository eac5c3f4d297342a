import { keptGroupsOf } from '../consumer/kept-groups-of.ts'
import type { StandardSchema } from '../errors/standard-schema.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { DeleteOptions, Keep, SetValueOptions } from '../layer/log/kept-groups-options.ts'
import type { SetResult } from '../layer/log/event-log.ts'
import { formatPosition } from '../layer/log/position.ts'
import { changeOf, keyOf } from '../layer/log/state-body.ts'
import type { InputOf, OutputOf } from './event-schemas.ts'
import { turnsOf } from './start-turns.ts'
import { refused, validated } from './validated.ts'

/** The result of a change. */
export interface Changed {
  /** `false` if the version of the key is not `ifVersion`, or if the key to delete has no value. */
  readonly changed: boolean
  /** The version of the key now: the position of its newest change. `undefined` if it had no value and has none. */
  readonly version: string | undefined
}

/** The value of a key. */
export interface StateValue<Value> {
  readonly value: Value
  /** The position of the newest change of the key, as `epoch:offset`: for `ifVersion`. */
  readonly version: string
}

/** What all groups of one declaration share. */
export interface StateDeclaration<Schema extends StandardSchema> {
  readonly state: Schema
  readonly keep: Keep
}

/** One group of a declaration with values: `prices('eur')`. Holds no value itself, so it may be made for each call. */
export class StateGroup<Schema extends StandardSchema> {
  /** The name of the declaration. */
  readonly family: string
  /** The id as text. */
  readonly id: string
  /** The name in the layer. */
  readonly name: string
  readonly #declaration: StateDeclaration<Schema>

  /** @internal */
  constructor(family: string, id: string, name: string, declaration: StateDeclaration<Schema>) {
    this.family = family
    this.id = id
    this.name = name
    this.#declaration = declaration
  }

  /**
   * Sets the value of a key: validates it, stores the output of the schema, and sends it to all followers. Resolves when the value is
   * stored, and never waits for a follower. Changes of one process stay in the order of their calls. After `ERR_LAYER_UNAVAILABLE` the
   * outcome is unknown.
   * @param key any text of 1 to 256 characters
   * @throws TidewayError `ERR_BAD_EVENT` if the schema refuses the value, `ERR_BAD_MESSAGE` if JSON cannot represent the output,
   *   `ERR_GROUP_FULL` over a bound of `keep`, `ERR_BAD_OPTION`, `ERR_BAD_POSITION`, `ERR_NO_KEPT_GROUPS`, `ERR_LAYER_UNAVAILABLE`
   * @throws MessageTooLargeError if the value is over `maxEventBytes`
   */
  async set(layer: ChannelLayer, key: string, value: InputOf<Schema>, options: SetValueOptions = {}): Promise<Changed> {
    const groups = keptGroupsOf(layer)
    const { state, keep } = this.#declaration
    const what = `The value of ${JSON.stringify(key)} in the group "${this.name}"`
    return turnsOf(layer).run(this.name, validated(state, value, what), async (output) => {
      if (output === undefined) throw refused('ERR_BAD_MESSAGE', what, 'it is undefined')
      return changedOf(await groups.set(this.name, key, JSON.stringify(output), options, keep))
    })
  }

  /**
   * Deletes the value of a key, and sends the deletion to all followers.
   * @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_POSITION`, `ERR_NO_KEPT_GROUPS`, `ERR_LAYER_UNAVAILABLE`
   */
  async delete(layer: ChannelLayer, key: string, { ifVersion }: DeleteOptions = {}): Promise<Changed> {
    const groups = keptGroupsOf(layer)
    return turnsOf(layer).run(this.name, undefined, async () =>
      changedOf(await groups.set(this.name, key, undefined, { ifVersion }, this.#declaration.keep)),
    )
  }

  /**
   * Reads the values of all keys, at one moment, in the order of their changes.
   * @throws TidewayError `ERR_NO_KEPT_GROUPS`; `ERR_LAYER_UNAVAILABLE` if they cannot be read
   */
  async values(layer: ChannelLayer): Promise<ReadonlyMap<string, StateValue<OutputOf<Schema>>>> {
    const { entries } = await keptGroupsOf(layer).values(this.name, this.#declaration.keep)
    const values = new Map<string, StateValue<OutputOf<Schema>>>()
    for (const entry of entries) {
      const change = changeOf(entry.body)
      if (change?.valueJson === undefined) continue
      const value = JSON.parse(change.valueJson) as OutputOf<Schema>
      values.set(keyOf(change), Object.freeze({ value, version: formatPosition(entry) }))
    }
    return values
  }
}

function changedOf({ status, version }: SetResult): Changed {
  return { changed: status === 'changed', version: version === undefined ? undefined : formatPosition(version) }
}

import { keptGroupsOf } from '../consumer/kept-groups-of.ts'
import { findNonJson } from '../errors/json-value.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'
import { issueText, type StandardSchema } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { LeftListener, Person } from '../layer/presence/left-people.ts'
import type { Presence } from '../layer/presence/presence.ts'
import type { Here, PresentAs } from './present.ts'

/** Options of `who`. */
export interface WhoOptions {
  /** The most people in the list: 0 to 10,000. @default 200 */
  readonly limit?: number | undefined
}

const DEFAULT_LIMIT = 200
const MAX_LIMIT = 10_000

/** The part of a group that presence uses. */
interface GroupWithPresence {
  readonly name: string
  readonly family: string
  readonly presence: StandardSchema | undefined
}

/** Returns the presence of the layer. @throws TidewayError `ERR_NO_KEPT_GROUPS` if it has none */
export function presenceOf(layer: ChannelLayer): Presence {
  const { presence } = keptGroupsOf(layer)
  if (presence !== undefined) return presence
  throw new TidewayError('ERR_NO_KEPT_GROUPS', `The event log of a ${layer.constructor.name} has no presence.`)
}

/** Reads who is in a group. */
export async function whoIsIn(
  { name, family, presence }: GroupWithPresence,
  layer: ChannelLayer,
  { limit = DEFAULT_LIMIT }: WhoOptions = {},
): Promise<Here> {
  if (presence === undefined) throw withoutPresence(family)
  requireWholeNumber('limit', limit, MAX_LIMIT, 0)
  const { count, people } = await presenceOf(layer).who(name, limit)
  return { count, people: new Map(people.map(({ key, meta }) => [key, meta])) }
}

/** Adds a listener for the people who leave groups of one declaration. */
export function onLeftOf(family: string, layer: ChannelLayer, listener: LeftListener): () => void {
  // The names of groups begin with the name of their declaration, which contains no period.
  return presenceOf(layer).onLeft((person, group, id) =>
    group.startsWith(`${family}.`) ? listener(person, group, id) : undefined,
  )
}

/**
 * The person of an answer of `present()`, with the output of the schema.
 * @throws TidewayError `ERR_BAD_PRESENCE` if the schema refuses the public data
 */
export async function personOf(group: GroupWithPresence, { key, ...meta }: PresentAs): Promise<Person> {
  return { key, meta: await metaOf(group, meta) }
}

/** The output of the schema of the group for the public data of a person. @throws TidewayError `ERR_BAD_PRESENCE` */
export async function metaOf({ family, presence }: GroupWithPresence, meta: unknown): Promise<unknown> {
  if (presence === undefined) throw withoutPresence(family)
  const result = await presence['~standard'].validate(meta)
  const problem =
    result.issues === undefined ? findNonJson(result.value, 'meta') : result.issues.map(issueText).join('; ')
  if (problem === undefined && result.issues === undefined) return result.value
  throw new TidewayError('ERR_BAD_PRESENCE', `A person in a group "${family}" is refused: ${problem}.`)
}

function withoutPresence(family: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `The groups "${family}" have no presence: declare it in defineGroup().`)
}

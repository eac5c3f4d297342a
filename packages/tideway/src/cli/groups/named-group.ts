import type { StandardSchema } from '../../errors/standard-schema.ts'
import { groupName } from '../../layer/group-name.ts'
import type { History, Keep } from '../../layer/log/kept-groups-options.ts'
import type { EventSchemas } from '../../live/event-schemas.ts'
import { KeptGroup } from '../../live/kept-group.ts'
import type { StateGroup } from '../../live/state-group.ts'
import type { GroupAccess } from './group-command.ts'

/** The help text of the argument. */
export const groupArgument: string = 'the declaration and the id: room.lobby'

/** A group that a command line names. */
export interface NamedGroup {
  /** As the command line names it. */
  readonly given: string
  /** The name in the layer. */
  readonly name: string
  /** The group of a declaration with events. */
  readonly events?: KeptGroup<EventSchemas> | undefined
  /** The group of a declaration with values. */
  readonly state?: StateGroup<StandardSchema> | undefined
  readonly history: History
  readonly keep: Keep
}

/** Keeps the log longer than most declarations would. The next event of the application applies its own bounds. */
const undeclaredHistory: History = Object.freeze({ size: 10_000, ttlMs: 86_400_000 })

/** A name that `groupName()` has shortened ends in a hash. */
const hashPattern = /\.\.[\w-]{43}$/

/**
 * The group of a command line. The name is that of the layer if no live consumer declares its first part, and it has no period or was
 * shortened.
 * @throws TidewayError `ERR_BAD_NAME`
 */
export function namedGroup({ families }: GroupAccess, given: string): NamedGroup {
  const dot = given.indexOf('.')
  const family = families.get(given.slice(0, dot))
  const id = given.slice(dot + 1)
  if (family === undefined || dot === -1) {
    const name = dot === -1 || hashPattern.test(given) ? given : groupName(given.slice(0, dot), id)
    return { given, name, history: undeclaredHistory, keep: {} }
  }
  const group = family(id)
  if (group instanceof KeptGroup) {
    const { history } = family as { readonly history: History }
    return { given, name: group.name, events: group, history, keep: {} }
  }
  return { given, name: group.name, state: group, history: undeclaredHistory, keep: (family as { keep: Keep }).keep }
}

/** The text that names a group of the layer on a command line: the reverse of {@link namedGroup} if it exists. */
export function givenName(name: string): string {
  const dot = name.indexOf('.')
  const decoded = name
    .slice(dot + 1)
    .replaceAll(/(?:_[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('_', ''), 'hex').toString())
  const isSame = dot !== -1 && groupName(name.slice(0, dot), decoded) === name
  return isSame ? `${name.slice(0, dot)}.${decoded}` : name
}

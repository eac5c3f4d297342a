import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { encodeEvent } from '../../consumer/event-body.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { formatPosition } from '../../layer/log/position.ts'
import { translatable } from '../help/translate-help.ts'
import { groupArgument, namedGroup, type NamedGroup } from './named-group.ts'
import { groupCommand, groupFooter, withGroups, type GroupAccess, type GroupFlags } from './group-command.ts'
import { printable } from './lines.ts'

const footer = `${groupFooter}
Examples:
  tideway publish room.lobby said '{"user":"bot","text":"hi"}' --id deploy-7
  tideway publish prices.eur EURUSD '{"bid":1.1}'
  tideway publish prices.eur EURUSD --delete
  git log -1 --format=%s | jq -R . | tideway publish room.dev pushed -
`

interface PublishFlags extends GroupFlags {
  readonly id?: string
  readonly delete?: true
}

/** What the command publishes. */
export interface Publication {
  /** The name of the event, or the key of the value. */
  readonly event: string
  readonly data?: unknown
  readonly id?: string | undefined
  /** Deletes the value of the key. */
  readonly deletes?: boolean
}

/** The result of a change of a value. */
interface Change {
  readonly changed: boolean
  readonly version: string | null
}

/** The result of an event or a change. */
type Outcome = { readonly position: string; readonly duplicate: boolean } | Change | { readonly sent: true }

/** The command `tideway publish`. */
export function publishProgram(): Command {
  return groupCommand('publish')
    .summary('publish an event to a kept group')
    .description('Publish an event to a kept group, or set or delete the value of a key of a state group.')
    .argument('<group>', groupArgument)
    .argument('<event>', 'the name of the event, or the key')
    .argument('[data]', 'its data as JSON, or the value; "-" reads standard input')
    .option('--id <id>', 'the same id again within 5 minutes is the same event')
    .option('--delete', 'delete the value of the key')
    .addHelpText('after', translatable(footer))
    .action(async (given: string, event: string, json: string | undefined, flags: PublishFlags) => {
      const { id, delete: deletes = false } = flags
      await withGroups(flags, async (access) => {
        const outcome = await publish(access, namedGroup(access, given), { event, data: dataOf(json), id, deletes })
        console.log(flags.json === true ? JSON.stringify(outcome) : textOf(given, outcome, deletes))
      })
    })
}

function dataOf(json: string | undefined): unknown {
  if (json === undefined) return undefined
  try {
    return JSON.parse(json === '-' ? readFileSync(0, 'utf8') : json) as unknown
  } catch (cause) {
    const text = 'The data must be JSON: \'{"text":"hi"}\', or \'"hi"\' for a text.'
    throw new TidewayError('ERR_BAD_EVENT', text, { cause })
  }
}

/** Publishes an event, or sets or deletes a value. @throws TidewayError, as `publish()`, `set()` and `delete()` of the group */
export async function publish(
  { layer, keptGroups }: GroupAccess,
  { given, name, events, state, history }: NamedGroup,
  { event, data, id, deletes = false }: Publication,
): Promise<Outcome> {
  if (deletes && data !== undefined) throw new TidewayError('ERR_BAD_OPTION', 'A deletion has --delete and no value.')
  if (state !== undefined) {
    if (id !== undefined)
      throw new TidewayError('ERR_BAD_OPTION', 'A value has no --id: setting it again has no effect.')
    const { changed, version = null } = await (deletes ? state.delete(layer, event) : state.set(layer, event, data))
    return { changed, version }
  }
  if (deletes) {
    const text = `--delete needs a state group, and "${given}" is not declared as one.`
    throw new TidewayError('ERR_BAD_OPTION', text)
  }
  if (events !== undefined) return (await events.publish(layer, event, data, { id })) ?? { sent: true }
  console.error(`No live consumer of the application declares "${given}": the event is not checked.`)
  const { position, duplicate } = await keptGroups.publish(name, encodeEvent(event, data, id), history, { id })
  return { position: formatPosition(position), duplicate }
}

function textOf(group: string, outcome: Outcome, deletes: boolean): string {
  if ('sent' in outcome) return printable(`Sent to ${group}. It is volatile: followers get it at most once.`)
  if ('changed' in outcome) return printable(changeText(group, outcome, deletes))
  const { position, duplicate } = outcome
  return printable(duplicate ? `Published before to ${group} at ${position}.` : `Published to ${group} at ${position}.`)
}

function changeText(group: string, { changed, version }: Change, deletes: boolean): string {
  if (!deletes) return `Set in ${group} at ${version ?? 'no position'}.`
  return changed ? `Deleted from ${group} at ${version ?? 'no position'}.` : `The key has no value in ${group}.`
}

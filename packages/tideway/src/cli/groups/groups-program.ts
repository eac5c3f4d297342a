import { setTimeout as pause } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { SurveyedGroups } from '../../layer/log/group-survey.ts'
import type { ProcessSurvey } from '../../layer/log/process-survey.ts'
import { translatable } from '../help/translate-help.ts'
import { parseNumber, seconds } from '../parse.ts'
import { groupCommand, groupFooter, withGroups, type GroupFlags } from './group-command.ts'
import { printable } from './lines.ts'
import { givenName } from './named-group.ts'
import { groupRows, type GroupRow } from './survey-rows.ts'

const footer = `${groupFooter}
Each process that has followed a kept group is asked twice. "lag" is how many
events the slowest follower is behind the newest one that any process knows;
an event on its way counts. A group without a follower is not listed.

Example:
  tideway groups --interval 5 --json
`

interface GroupsFlags extends GroupFlags {
  readonly interval: number
  readonly limit: number
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 10_000
const DEFAULT_INTERVAL_MS = 1000
const MAX_INTERVAL_MS = 60_000
/** How long the processes have to answer. */
const ANSWER_MS = 2000

/** The command `tideway groups`. */
export function groupsProgram(): Command {
  return groupCommand('groups')
    .summary('list the followed kept groups of all processes')
    .description('List the kept groups that have followers, with their followers, lag and rate over all processes.')
    .addOption(
      new Option('--interval <seconds>', 'time over which events are counted, at most 60')
        .argParser(interval)
        .default(DEFAULT_INTERVAL_MS, String(DEFAULT_INTERVAL_MS / 1000)),
    )
    .option('--limit <number>', 'most groups in the list', parseNumber(0, MAX_LIMIT), DEFAULT_LIMIT)
    .addHelpText('after', translatable(footer))
    .action(async (flags: GroupsFlags) => {
      await withGroups(flags, async ({ layer, keptGroups: { survey } }) => {
        if (survey === undefined) {
          const text = `A ${layer.constructor.name} cannot ask other processes for their groups.`
          throw new TidewayError('ERR_NO_KEPT_GROUPS', text)
        }
        print(await measured(survey, flags.interval), flags)
      })
    })
}

function interval(text: string): number {
  return Math.min(seconds(text), MAX_INTERVAL_MS)
}

interface Measured {
  readonly survey: SurveyedGroups
  readonly rows: readonly GroupRow[]
}

async function measured(survey: ProcessSurvey, intervalMs: number): Promise<Measured> {
  const before = await survey.run(ANSWER_MS)
  const startedAt = performance.now()
  await pause(intervalMs)
  const after = await survey.run(ANSWER_MS)
  return { survey: after, rows: groupRows(before, after, performance.now() - startedAt) }
}

function print({ survey: { processes, answers }, rows }: Measured, { json, limit }: GroupsFlags): void {
  const shown = rows.slice(0, limit)
  if (json === true) {
    console.log(JSON.stringify({ processes, answered: answers.length, total: rows.length, groups: shown }))
    return
  }
  if (shown.length > 0) console.log(tableOf(shown))
  const more = rows.length - shown.length
  const total = `${rows.length} ${rows.length === 1 ? 'group' : 'groups'}${more > 0 ? `, ${more} not shown` : ''}`
  console.log(`${total}; ${answers.length} of ${processes} processes answered.`)
}

function tableOf(rows: readonly GroupRow[]): string {
  const lines = rows.map(({ group, followers, processes, lag, perSecond, position }) => [
    printable(givenName(group)),
    ...[followers, processes, lag, perSecond?.toFixed(1) ?? '-'].map(String),
    position,
  ])
  const all = [['group', 'followers', 'processes', 'lag', 'events/s', 'position'], ...lines]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)))
  const isNumber = (column: number): boolean => column > 0 && column < widths.length - 1
  return all
    .map((line) =>
      line
        .map((cell, n) => (isNumber(n) ? cell.padStart(widths[n]!) : cell.padEnd(widths[n]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

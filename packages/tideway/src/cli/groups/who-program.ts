import type { Command } from 'commander'
import { presenceOf } from '../../live/group-presence.ts'
import { parseNumber } from '../parse.ts'
import { translatable } from '../help/translate-help.ts'
import { groupCommand, groupFooter, withGroups, type GroupFlags } from './group-command.ts'
import { printable } from './lines.ts'
import { groupArgument, namedGroup } from './named-group.ts'

const footer = `${groupFooter}
Example:
  tideway who room.lobby
`

interface WhoFlags extends GroupFlags {
  readonly limit: number
}

const DEFAULT_LIMIT = 200
const MAX_LIMIT = 10_000

/** The command `tideway who`. */
export function whoProgram(): Command {
  return groupCommand('who')
    .summary('list the people in a kept group')
    .description('List the people who are present in a kept group, with their public data.')
    .argument('<group>', groupArgument)
    .option('--limit <number>', 'most people in the list', parseNumber(0, MAX_LIMIT), DEFAULT_LIMIT)
    .addHelpText('after', translatable(footer))
    .action(async (given: string, flags: WhoFlags) => {
      await withGroups(flags, async (access) => {
        const { name } = namedGroup(access, given)
        const { count, people } = await presenceOf(access.layer).who(name, flags.limit)
        if (flags.json === true) console.log(JSON.stringify({ group: given, count, people }))
        else {
          const width = Math.max(0, ...people.map(({ key }) => key.length))
          for (const { key, meta } of people) console.log(printable(`${key.padEnd(width)}  ${JSON.stringify(meta)}`))
          console.log(printable(`${count} ${count === 1 ? 'person' : 'people'} in ${given}.`))
        }
      })
    })
}

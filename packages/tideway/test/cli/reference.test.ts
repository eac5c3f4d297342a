import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { fileArgument } from '../../src/cli/application-file.ts'
import { groupsProgram } from '../../src/cli/groups/groups-program.ts'
import { publishProgram } from '../../src/cli/groups/publish-program.ts'
import { tapProgram } from '../../src/cli/groups/tap-program.ts'
import { whoProgram } from '../../src/cli/groups/who-program.ts'
import { serveFlags } from '../../src/cli/serve-flags.ts'
import { serveProgram } from '../../src/cli/serve-program.ts'
import { requestLimitDefaults } from '../../src/server/limits/limit-options.ts'
import { serverDefaults } from '../../src/server/options.ts'

const page = readFileSync(new URL('../../../../docs/reference/cli.md', import.meta.url), 'utf8')
const [flagsPart, rest] = page.split('## `tideway init`') as [string, string]
const [otherCommands, groupsAndDaphne] = rest.split('## Commands for groups') as [string, string]
const [groupsPart, daphnePart] = groupsAndDaphne.split('## Flags of Daphne') as [string, string]

const program = serveProgram(() => Promise.resolve())
const longNames = program.options.map(({ long }) => long!)
const rowsOf = (part: string): string[][] =>
  part
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )

describe('docs/reference/cli.md', () => {
  it('has each flag of the command, with its option and its description, in the order of the help', () => {
    const documented = rowsOf(flagsPart).filter((cells) => cells.length === 3)
    const inCode = Object.values(serveFlags).flat()
    expect(documented).toEqual(
      inCode.map(({ flags, option, description }) => [`\`${flags}\``, `\`${option}\``, description]),
    )
  })

  it('has the flags without a single option', () => {
    const documented = rowsOf(flagsPart).map(([flags]) => flags!.slice(1, -1))
    expect([...documented].sort()).toEqual(program.options.map(({ flags }) => flags).sort())
  })

  it('has each check of tideway doctor', () => {
    const doctor = new URL('../../src/cli/doctor/', import.meta.url)
    const files = readdirSync(doctor).map((name) => new URL(name, doctor))
    const redis = new URL('../../../redis/src/connection/diagnosis.ts', import.meta.url)
    const tasks = new URL('../../src/worker/tasks-diagnosis.ts', import.meta.url)
    const texts = [...files, redis, tasks].map((file) => readFileSync(file, 'utf8')).join('\n')
    const names = [...texts.matchAll(/(?:ok|warning|problem)\(\s*'([a-z-]+)'|\bcheck(?:: | = )'([a-z-]+)'/g)]
    const documented = rowsOf(otherCommands).map(([name]) => name!.slice(1, -1))
    expect(new Set(documented)).toEqual(new Set(names.map(([, first, second]) => first ?? second)))
  })

  it('has each flag of the commands for groups, with its commands and the description of its help', () => {
    const commands = [publishProgram(), tapProgram(), whoProgram(), groupsProgram()]
    const flags = new Map<string, { names: string[]; description: string }>()
    for (const command of commands) {
      for (const { flags: flag, description } of command.options) {
        const { names } = flags.get(flag) ?? { names: [] }
        flags.set(flag, { names: [...names, command.name()], description })
      }
    }
    const documented = rowsOf(groupsPart)
    expect(documented.map(([flag, of]) => [flag, of])).toEqual(
      [...flags].map(([flag, { names }]) => [
        `\`${flag}\``,
        names.length === commands.length ? 'all' : names.map((name) => `\`${name}\``).join(', '),
      ]),
    )
    const others = [...flags.values()].map(({ description }, index) => ({ description, text: documented[index]![2] }))
    const different = others.filter(
      ({ description, text }) => description !== fileArgument && !text!.includes(description),
    )
    expect(different).toEqual([])
  })

  it('maps the flags of Daphne to existing flags', () => {
    const targets = rowsOf(daphnePart).flatMap(([, tideway]) => (tideway === '–' ? [] : [tideway!.slice(1, -1)]))
    expect(longNames).toEqual(expect.arrayContaining(targets))
  })
})

describeWith(['python'], 'the table of the flags of Daphne', () => {
  it('has every flag of the installed Daphne', () => {
    const help = execFileSync(programPath('python'), ['-m', 'daphne', '--help'], { encoding: 'utf8' })
    const flags = [...help.matchAll(/^ {2}(?:-\w(?: \w+)?, )?(--[\w-]+)/gm)].map(([, name]) => name!)
    expect(flags.length).toBeGreaterThan(15)
    const inTable = rowsOf(daphnePart).map(([name]) => name!.slice(1, -1))
    expect(inTable).toEqual(expect.arrayContaining(flags.filter((name) => name !== '--help')))
  })
})

describe('the flags of tideway serve', () => {
  it('cover each option of serve() that is not a function', () => {
    const byCode = new Set(['state', 'logger', 'accessLog', 'instrumentation'])
    const options = [...Object.keys(serverDefaults), ...Object.keys(requestLimitDefaults)]
    // A passphrase has no flag, because every user of the machine can read command lines.
    const tls = ['tlsKey', 'tlsCert', 'tlsCa', 'tlsCiphers', 'http2']
    const metrics = ['metricsPort', 'metricsHost', 'inspectorToken']
    const own = ['host', 'port', 'listen', 'lifespan', 'lifespanTimeoutMs', ...tls, ...metrics]
    const wanted = [...options, ...own].filter((name) => !byCode.has(name))
    expect(new Set(Object.values(serveFlags).flatMap((flags) => flags.map(({ option }) => option)))).toEqual(
      new Set(wanted),
    )
  })

  it('are in kebab-case', () => {
    for (const name of longNames) expect(name).toMatch(/^--[a-z0-9]+(-[a-z0-9]+)*$/)
  })

  it('have a help that fits into 80 columns, and does not cut a word', () => {
    let help = ''
    const command = serveProgram(() => Promise.resolve())
    command.configureOutput({ getOutHelpWidth: () => 80, writeOut: (text) => (help += text) }).outputHelp()
    const lines = help.split('\n')
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(help).toContain('\n  --max-connections-per-address <number>\n')
    for (const name of longNames) expect(help).toContain(`${name} `.trimEnd())
  })

  it('use each short flag once', () => {
    const short = program.options.map((option) => option.short).filter((name) => name !== undefined)
    expect(new Set(short).size).toBe(short.length)
  })
})

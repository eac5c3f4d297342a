import type { Command as Program } from 'commander'
import { describe, expect, it } from 'vitest'
import { korean } from '../../src/cli/help/korean.ts'
import { helpLanguage } from '../../src/cli/help/language.ts'
import { columnsOf } from '../../src/cli/help/translate-help.ts'
import { tidewayProgram } from '../../src/cli/program.ts'
import { Command } from './command.ts'

const programs = (environment: NodeJS.ProcessEnv): readonly Program[] => {
  const program = tidewayProgram(environment)
  return [program, ...program.commands]
}
const inEnglish = programs({})
const inKorean = programs({ LANG: 'ko_KR.UTF-8' })
const each = inEnglish.map((english, n) => ({ name: english.name(), english, translated: inKorean[n]! }))

/** What `--help` prints in a terminal of 80 columns. */
function helpOf(program: Program): string {
  let help = ''
  program.configureOutput({ getOutHelpWidth: () => 80, writeOut: (text) => (help += text) }).outputHelp()
  return help
}

/** What follows the flags. */
function footerOf(program: Program): string {
  return helpOf(program).slice(program.helpInformation().length)
}

describe('the Korean help of a command', () => {
  it.each(each)('$name has a text for each argument and each flag, and no other', ({ name, english }) => {
    const { arguments: texts = {}, options = {}, summary } = korean.commands[name]!
    expect(Object.keys(texts)).toEqual(english.registeredArguments.map((argument) => argument.name()))
    expect(Object.keys(options).sort()).toEqual(english.options.map(({ long }) => long!).sort())
    expect(summary !== undefined).toBe(english.summary() !== '')
  })

  it.each(each)('$name has no English part', ({ english, translated }) => {
    const flags = english.options.map(({ flags }) => flags)
    const [before, after] = [helpOf(english), helpOf(translated)]
    for (const flag of flags) expect(before.includes(flag) && after.includes(flag), flag).toBe(true)
    const places = [...flags, '-h, --help', ...english.commands.map((command) => command.name())]
    const described = after.split('\n').filter((line) => places.some((place) => line.trimStart().startsWith(place)))
    expect(described.length).toBeGreaterThanOrEqual(places.length)
    const words = /\b(?:default|choices|env|the|of|and|longest|most|for):? /
    expect(after.split('\n').filter((line) => words.test(line))).toEqual([])
    const headings = after.split('\n').filter((line) => /^\S.*:$/.test(line) && line !== 'TLS:')
    expect(headings.filter((line) => !/[가-힣]/.test(line) && line !== 'WebSocket:')).toEqual([])
    expect(footerOf(translated) !== '').toBe(footerOf(english) !== '')
    expect(examplesOf(after)).toEqual(examplesOf(before))
  })

  it.each(each)('$name fits into 80 columns', ({ english, translated }) => {
    const allowed = helpOf(english)
    const wide = helpOf(translated)
      .split('\n')
      .filter((line) => columnsOf(line) > 80 && !allowed.includes(line))
    expect(wide).toEqual([])
  })

  it('has no text for a command that does not exist', () => {
    expect(Object.keys(korean.commands).sort()).toEqual(each.map(({ name }) => name).sort())
  })
})

function examplesOf(help: string): string[] {
  return help.split('\n').filter((line) => /^ {2}(?:tideway|git) |^ {4}--trusted/.test(line))
}

describe('the language of the help', () => {
  it.each([
    [{}, 'en'],
    [{ LANG: 'ko_KR.UTF-8' }, 'ko'],
    [{ LANG: 'ko' }, 'ko'],
    [{ LANG: 'kok_IN' }, 'en'],
    [{ LANG: 'ko_KR.UTF-8', LC_MESSAGES: 'C' }, 'en'],
    [{ LANG: 'en_US.UTF-8', LC_MESSAGES: 'ko_KR.UTF-8', LC_ALL: '' }, 'ko'],
    [{ LANG: 'ko_KR.UTF-8', LC_MESSAGES: 'ko_KR.UTF-8', LC_ALL: 'C.UTF-8' }, 'en'],
  ])('by %j is %s', (environment, language) => {
    expect(helpLanguage(environment)).toBe(language)
  })

  it('is that of the process, and errors stay English', async () => {
    const env = { LANG: 'ko_KR.UTF-8', LC_MESSAGES: undefined, LC_ALL: undefined }
    const help = new Command(['--help'], { env })
    const wrong = new Command(['serve', '--prot', '1'], { env })
    await help.says(/사용법: tideway/)
    await wrong.says(/error: unknown option '--prot'/)
    expect(await help.exitCode()).toBe(0)
    expect(await wrong.exitCode()).toBe(1)
  })
})

import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { isChannelName, isGroupName } from 'tideway/layer'
import { Capacities } from 'tideway/layer/kit'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'

const script = `
import fnmatch, json, re, sys
cases = json.load(sys.stdin)
globs = [bool(re.compile(fnmatch.translate(glob)).match(name)) for glob, name in cases['globs']]
from channels.layers import BaseChannelLayer
layer = BaseChannelLayer()
channels = [bool(layer.channel_name_regex.match(name)) for name in cases['names']]
groups = [bool(layer.group_name_regex.match(name)) for name in cases['names']]
json.dump([globs, channels, groups], sys.stdout)
`

describeWith(['python'], "Python's fnmatch and the names of Channels", () => {
  // Patterns and names of few characters, so that they match often and every corner of a class comes up.
  const glob = fc.string({ unit: fc.constantFrom(...'ab-.[]!*?^\\&~|'.split('')), maxLength: 8 })
  const classes = fc
    .string({ unit: fc.constantFrom(...'abc-]!^[\\&'.split('')), minLength: 1, maxLength: 7 })
    .map((members) => `[${members}]`)
  const name = fc.string({ unit: fc.constantFrom(...'abc-.!'.split('')), minLength: 1, maxLength: 4 })
  const single = fc.constantFrom(...'abc-.!'.split(''))
  const globs = [
    ...fc.sample(fc.tuple(glob, name), 5000),
    ...fc.sample(fc.tuple(classes, single), 10_000),
    ...fc.sample(
      fc.tuple(
        fc.tuple(glob, classes, glob).map((parts) => parts.join('')),
        name,
      ),
      10_000,
    ),
  ]
  const names = fc.sample(fc.string({ unit: fc.constantFrom(...'aZ09-_.! /:'.split('')), maxLength: 6 }), 5000)

  /** Python drops the ranges that run backwards and then takes a "!" that has moved to the front for the negation. */
  const isPythonBug = (pattern: string): boolean => /\[(?:[^!]-.)+!/.test(pattern)

  // One process for all of them: Python takes longer to start than to answer.
  const answers = (): [boolean[], boolean[], boolean[]] => {
    const input = JSON.stringify({ globs, names })
    const output = execFileSync(programPath('python'), ['-c', script], { input, encoding: 'utf8' })
    return JSON.parse(output) as [boolean[], boolean[], boolean[]]
  }

  it('matches the same names as the globs and the name rules of tideway', () => {
    const [matches, channels, groups] = answers()
    const differ = globs.filter(([pattern, name], index) => {
      return !isPythonBug(pattern) && (new Capacities(1, [[pattern, 2]]).of(name) === 2) !== matches[index]
    })
    expect(differ).toEqual([])
    expect(matches.filter(Boolean).length).toBeGreaterThan(1000)
    expect(names.map((one) => isChannelName(one))).toEqual(channels)
    expect(names.map((one) => isGroupName(one))).toEqual(groups)
  })
})

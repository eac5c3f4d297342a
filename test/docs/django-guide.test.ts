import { execFile } from 'node:child_process'
import { groupName } from 'tideway'
import { beforeAll, expect, it } from 'vitest'
import { converters } from '../../packages/tideway/src/routing/converters.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { root } from './markdown.ts'

// docs/guides/django.md and docs/guides/routing.md say what Django and tideway name alike.

const names: readonly (readonly [string | number, ...(string | number)[]])[] = [
  ['chat', 'lobby'],
  ['chat', 5],
  ['chat', '한국어 방'],
  ['chat', '\u1112\u1161\u11ab'],
  ['chat', '👩‍👩‍👧 🇰🇷'],
  ['chat', ''],
  [''],
  ['a_b', 'c.d', '-'],
  ['A', 'é', '٣', 'ß', '中'],
  ['line\nbreak', '\0', '\u2028', '\u00a0'],
  ['x'.repeat(98)],
  ['x'.repeat(99)],
  ['x'.repeat(100)],
  ['방'.repeat(11)],
  ['방'.repeat(200)],
  ['x'.repeat(53), '', '', 'y'.repeat(60)],
]

interface Names {
  readonly groups: readonly string[]
  readonly assigned: readonly number[]
  readonly slug: readonly number[]
}

describeWith(['python'], 'the names that Python and tideway share', () => {
  let python: Names

  beforeAll(async () => {
    python = await new Promise<Names>((resolve, reject) => {
      const script = `${root}test/docs/django/names_for_tideway.py`
      const options = { maxBuffer: 100_000_000 }
      const child = execFile(programPath('python'), ['-B', script], options, (error, stdout) => {
        if (error === null) resolve(JSON.parse(stdout) as Names)
        else reject(error)
      })
      child.stdin!.end(JSON.stringify(names))
    })
  })

  it('are those of groups, which Django accepts', () => {
    expect(python.groups).toEqual(names.map((parts) => groupName(...parts)))
    expect(python.groups.every((name) => name.length < 100)).toBe(true)
    expect(new Set(python.groups).size).toBe(names.length)
  })

  it('are slugs in any language, where tideway also has combining marks', () => {
    const isMark = (code: number): boolean => /^\p{M}$/u.test(String.fromCodePoint(code))
    const matched = python.assigned.filter((code) => converters.uslug.takes(code))
    expect(matched.filter((code) => !isMark(code))).toEqual(python.slug)
  })
})

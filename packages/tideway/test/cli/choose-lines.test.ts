import { describe, expect, it } from 'vitest'
import { chooseLines } from '../../src/cli/init/choose-lines.ts'

const template = `always
// @if session token
login
<!-- @if token+react -->
token in React
    {/* @unless redis */}
memory
  // @end
at the end`

describe('the lines of a template of tideway init', () => {
  it.each([
    ['', 'always memory at the end'],
    ['redis', 'always at the end'],
    ['session redis', 'always login at the end'],
    ['react redis', 'always at the end'],
    ['token react', 'always login token in React memory at the end'],
  ])('for the words "%s" are "%s"', (words, lines) => {
    expect(chooseLines(template, new Set(words.split(' '))).replaceAll('\n', ' ')).toBe(lines)
  })

  it('are not chosen by a comment that only mentions a condition', () => {
    expect(chooseLines('// see @if session\nlogin', new Set())).toBe('// see @if session\nlogin')
  })
})

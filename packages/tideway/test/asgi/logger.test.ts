import { describe, expect, it } from 'vitest'
import { withDetails } from '../../src/asgi/logger.ts'

describe('a line of the console logger', () => {
  it.each([
    ['the message alone without details', {}, 'Stopped'],
    ['details in the same line', { path: '/ws/', tries: 3 }, "Stopped { path: '/ws/', tries: 3 }"],
    ['no details for an error that is undefined', { err: undefined }, 'Stopped'],
  ])('has %s', (_name, details, line) => {
    expect(withDetails('Stopped', details)).toBe(line)
  })

  it('writes one line with any details', () => {
    const details = {
      stack: Array.from({ length: 5 }, (_, i) => `countWords${i} (file:///srv/some/folder/words.ts:${i})`),
    }
    expect(withDetails('Stopped', details)).not.toContain('\n')
  })

  it('has the error with its stack below it', () => {
    const [first, second, third] = withDetails('Stopped', { path: '/', err: new Error('no disk') }).split('\n')
    expect([first, second]).toEqual(["Stopped { path: '/' }", 'Error: no disk'])
    expect(third).toMatch(/^ {4}at /)
  })
})

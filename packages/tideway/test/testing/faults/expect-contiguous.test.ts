import { expectContiguous, type Received } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

const at = (position: string, event?: unknown): Received => ({ position, event })

describe('expectContiguous', () => {
  it('counts the events and the resets of all clients', () => {
    const first = [at('a:1', 'one'), at('a:2', 'two')]
    const second = [{ reset: 'fresh', position: { epoch: 'a', offset: 1 } }, at('a:2', 'two')]
    expect(expectContiguous(first, second)).toEqual({ events: 3, resets: 1 })
  })

  it.each<[string, Received[]]>([
    ['nothing', []],
    ['events from any position', [at('a:41'), at('a:42')]],
    ['a new epoch at the next offset', [at('a:41'), at('b:42'), at('b:43')]],
    ['a jump to the position of a reset', [at('a:1'), { reset: 'trimmed', position: 'a:7' }, at('a:8')]],
    ['events again after a reset', [at('a:1'), at('a:2'), { reset: 'epoch', position: 'b:1' }, at('b:2')]],
    ['any position after a reset without a position', [at('a:5'), { reset: 'ahead' }, at('b:2')]],
  ])('accepts %s', (_name, received) => {
    expect(expectContiguous(received).events).toBe(received.filter(({ reset }) => reset === undefined).length)
  })

  it.each<[string, Received[], string]>([
    ['a hole of one event', [at('a:1'), at('a:3')], '1 event is missing between a:1 and a:3 at [1].'],
    ['a hole in a new epoch', [at('a:1'), at('b:4')], '2 events are missing between a:1 and b:4 at [1].'],
    ['a repeated event', [at('a:1'), at('a:2'), at('a:2')], 'The event a:2 at [2] was received twice.'],
    ['an earlier event', [at('a:1'), at('a:2'), at('a:1')], 'The event a:1 at [2] was received after a:2.'],
    ['an offset of another epoch again', [at('a:2'), at('b:2')], 'The event b:2 at [1] was received after a:2.'],
    [
      'a hole after a reset',
      [{ reset: 'trimmed', position: 'a:7' }, at('a:9')],
      '1 event is missing between a:7 and a:9 at [1].',
    ],
  ])('refuses %s', (_name, received, message) => {
    expect(() => expectContiguous(received)).toThrow(
      expect.objectContaining({ code: 'ERR_TEST_EXPECTATION', message }) as Error,
    )
  })

  it('refuses events that differ at two clients', () => {
    expect(() => expectContiguous([at('a:1', { n: 1 })], [at('a:1', { n: 1 })], [at('a:1', { n: 2 })])).toThrow(
      'The event a:1 at [0] of client 2 differs from the event that was received before.',
    )
  })

  it('refuses a malformed position', () => {
    expect(() => expectContiguous([at('41')])).toThrow(expect.objectContaining({ code: 'ERR_BAD_POSITION' }) as Error)
  })
})

import { describe, expect, it } from 'vitest'
import {
  containsPosition,
  continuesPosition,
  epochAt,
  formatPosition,
  parsePosition,
  requirePosition,
  type LogHead,
} from '../../../src/layer/log/position.ts'

/** Every log of up to five entries in up to three epochs, with any number of its oldest entries trimmed. */
function* logs(): Generator<{ head: LogHead; entries: readonly string[] }> {
  for (let top = 0; top <= 5; top++) {
    for (let second = 1; second <= top + 1; second++) {
      for (let third = second; third <= top + 1; third++) {
        const starts = [
          { epoch: 'a', from: 1 },
          { epoch: 'b', from: second },
          { epoch: 'c', from: third },
        ]
        // An epoch begins with an entry, except the first one of a log without entries.
        const epochs = starts.filter(({ from }, i) => from !== starts[i + 1]?.from && (from <= top || i === 0))
        const entries = Array.from({ length: top }, (_, i) => epochAt(epochs, i + 1))
        if (epochs.length === 0) continue
        for (let first = 1; first <= top + 1; first++) yield { head: { epochs, top, first }, entries }
      }
    }
  }
}

const positions = ['a', 'b', 'c', 'z'].flatMap((epoch) => Array.from({ length: 7 }, (_, offset) => ({ epoch, offset })))

describe('continuesPosition', () => {
  it('decides every position of every small log as a comparison of the entries does', () => {
    let compared = 0
    for (const { head, entries } of logs()) {
      for (const position of positions) {
        const { epoch, offset } = position
        const isEntry = entries[offset - 1] === epoch
        // Before the first entry of its epoch, a position stands for the entries of the epochs before.
        const isStart = head.epochs.some((start) => start.epoch === epoch && start.from === offset + 1)
        const isLast = head.epochs.at(-1)!.epoch === epoch && offset > head.top
        const contained = isEntry || isStart ? true : isLast ? 'ahead' : 'epoch'
        const isWhole = offset === head.top || offset + 1 >= head.first
        const where = `${formatPosition(position)} in ${JSON.stringify(head)}`
        expect(containsPosition(head, position), where).toBe(contained)
        expect(continuesPosition(head, position), where).toBe(contained === true && !isWhole ? 'trimmed' : contained)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(5000)
  })

  it.each([
    [5, 6, true],
    [4, 6, 'trimmed'],
    [4, 5, true],
    [3, 5, 'trimmed'],
    [0, 1, true],
    [0, 2, 'trimmed'],
  ])('at offset %i in a log that holds its entries from %i to 5 is %s', (offset, first, expected) => {
    expect(continuesPosition({ epochs: [{ epoch: 'a', from: 1 }], top: 5, first }, { epoch: 'a', offset })).toBe(
      expected,
    )
  })
})

describe('parsePosition', () => {
  it.each([
    ['kX3f:0', { epoch: 'kX3f', offset: 0 }],
    ['a-_9:41', { epoch: 'a-_9', offset: 41 }],
    [`a:${Number.MAX_SAFE_INTEGER}`, { epoch: 'a', offset: Number.MAX_SAFE_INTEGER }],
    ['a:100000000000000', { epoch: 'a', offset: 1e14 }],
  ])('reads %s, and formatPosition() writes it again', (text, position) => {
    expect(parsePosition(text)).toEqual(position)
    expect(formatPosition(position)).toBe(text)
  })

  it.each([
    '',
    ':1',
    'a',
    'a:',
    '41',
    'a:-1',
    'a:1.5',
    'a:1e3',
    'a:01',
    'a: 1',
    'a:1\n',
    'é:1',
    'a:b:1',
    `${'a'.repeat(33)}:1`,
    'a:9007199254740992',
    'a:99999999999999999999',
    'a:NaN',
    'a:Infinity',
    null,
    undefined,
    41,
    {},
    ['a:1'],
  ])('throws ERR_BAD_POSITION for %j', (value) => {
    expect(() => parsePosition(value)).toThrow(expect.objectContaining({ code: 'ERR_BAD_POSITION' }))
  })
})

describe('requirePosition', () => {
  it.each([
    { epoch: '', offset: 1 },
    { offset: 1 },
    { epoch: 'a' },
    { epoch: 'a', offset: -1 },
    { epoch: 'a', offset: 1.5 },
    { epoch: 'a', offset: 2 ** 53 },
    { epoch: 'a', offset: '1' },
    { epoch: 'a:b', offset: 1 },
    'a:1',
    null,
  ])('throws ERR_BAD_POSITION for %j', (value) => {
    expect(() => requirePosition(value)).toThrow(expect.objectContaining({ code: 'ERR_BAD_POSITION' }))
  })
})

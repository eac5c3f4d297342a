import { describe, expect, it } from 'vitest'

import { MAX_TIMER_MS, requirePositive, requireWholeNumber } from '../../src/errors/option-checks.ts'

const rejected = (message: string): object => expect.objectContaining({ code: 'ERR_BAD_OPTION', message }) as object

describe('requireWholeNumber()', () => {
  it.each([
    [1, undefined, undefined],
    [MAX_TIMER_MS, undefined, undefined],
    [10, 10, undefined],
    [Number.MAX_SAFE_INTEGER, Infinity, undefined],
    [0, 9, 0],
  ])('returns %s at the bounds %s and %s', (value, most, least) => {
    expect(requireWholeNumber('size', value, most, least)).toBe(value)
  })

  it.each<[unknown, number | undefined, number | undefined, string]>([
    [0, undefined, undefined, 'size must be a whole number from 1 to 2147483647, not 0.'],
    [MAX_TIMER_MS + 1, undefined, undefined, 'size must be a whole number from 1 to 2147483647, not 2147483648.'],
    [1.5, 10, undefined, 'size must be a whole number from 1 to 10, not 1.5.'],
    [11, 10, undefined, 'size must be a whole number from 1 to 10, not 11.'],
    [Infinity, Infinity, undefined, 'size must be a whole number of at least 1, not Infinity.'],
    [NaN, Infinity, 0, 'size must be a whole number of at least 0, not NaN.'],
    ['5', 10, undefined, 'size must be a whole number from 1 to 10, not "5".'],
    [undefined, 10, undefined, 'size must be a whole number from 1 to 10, not undefined.'],
  ])('throws for %s at the bounds %s and %s', (value, most, least, message) => {
    expect(() => requireWholeNumber('size', value, most, least)).toThrow(rejected(message))
  })
})

describe('requirePositive()', () => {
  it.each([
    [0.5, undefined],
    [Number.MAX_VALUE, undefined],
    [MAX_TIMER_MS, MAX_TIMER_MS],
  ])('returns %s at the bound %s', (value, most) => {
    expect(requirePositive('waitMs', value, most)).toBe(value)
  })

  it.each<[unknown, number | undefined, string]>([
    [0, undefined, 'waitMs must be a number over 0, not 0.'],
    [-1, undefined, 'waitMs must be a number over 0, not -1.'],
    [NaN, undefined, 'waitMs must be a number over 0, not NaN.'],
    [Infinity, undefined, 'waitMs must be a number over 0, not Infinity.'],
    [MAX_TIMER_MS + 1, MAX_TIMER_MS, 'waitMs must be a number over 0 and at most 2147483647, not 2147483648.'],
    ['5', MAX_TIMER_MS, 'waitMs must be a number over 0 and at most 2147483647, not "5".'],
  ])('throws for %s at the bound %s', (value, most, message) => {
    expect(() => requirePositive('waitMs', value, most)).toThrow(rejected(message))
  })
})

import { fullJitterMs } from '@tideway/client'
import { assert, double, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'

const bounds = { baseMs: 2_000, capMs: 30_000 }
const almostOne = (): number => 1 - Number.EPSILON

describe('fullJitterMs', () => {
  it('doubles the upper bound with each failure, up to the cap', () => {
    const waits = [1, 2, 3, 4, 5, 6, 100, 5_000].map((failures) =>
      Math.round(fullJitterMs(failures, bounds, almostOne)),
    )
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000])
  })

  it('multiplies the bound by the random number', () => {
    expect(fullJitterMs(3, bounds, () => 0)).toBe(0)
    expect(fullJitterMs(3, bounds, () => 0.25)).toBe(2_000)
  })

  it('returns no delay below zero or above the cap', () => {
    assert(
      property(
        integer({ min: 1, max: 10_000 }),
        double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const wait = fullJitterMs(failures, bounds, () => random)
          return wait >= 0 && wait <= bounds.capMs
        },
      ),
    )
  })
})

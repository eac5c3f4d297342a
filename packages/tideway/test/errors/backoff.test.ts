import { afterEach, describe, expect, it, vi } from 'vitest'

import { backoffMs } from '../../src/errors/backoff.ts'

const bounds = { firstMs: 50, mostMs: 5000 }

afterEach(() => {
  vi.restoreAllMocks()
})

describe('backoffMs()', () => {
  it.each([
    [1, 25, 50],
    [2, 50, 100],
    [7, 1600, 3200],
    [8, 2500, 5000],
    [1_000_000, 2500, 5000],
  ])('returns after %i failures from %i to %i ms', (failures, least, most) => {
    const random = vi.spyOn(Math, 'random')
    random.mockReturnValue(0)
    expect(backoffMs(failures, bounds)).toBe(least)
    random.mockReturnValue(1)
    expect(backoffMs(failures, bounds)).toBe(most)
  })
})

import { describe, expect, it } from 'vitest'
import { RecentMap } from '../../src/errors/recent-map.ts'

describe('RecentMap', () => {
  const filled = (count: number): RecentMap<number, string> => {
    const map = new RecentMap<number, string>(3)
    for (let key = 1; key <= count; key++) map.set(key, `v${key}`)
    return map
  }
  const kept = (map: RecentMap<number, string>, count: number): number[] =>
    Array.from({ length: count }, (_, index) => index + 1).filter((key) => map.has(key))

  it.each([
    [3, [1, 2, 3]],
    [4, [1, 2, 3, 4]],
    [6, [1, 2, 3, 4, 5, 6]],
    [7, [4, 5, 6, 7]],
    [100, [97, 98, 99, 100]],
  ])('keeps at least the last 3 of %i entries, and at most 6', (count, expected) => {
    expect(kept(filled(count), count)).toEqual(expected)
  })

  it('returns the newest value of a key, and keeps a key that is set again', () => {
    const map = filled(4)
    map.set(1, 'again')
    expect(map.get(1)).toBe('again')
    for (const key of [5, 6, 7]) map.set(key, 'other')
    expect(map.get(1)).toBe('again')
    expect(map.get(2)).toBeUndefined()
  })

  it('sets a key of the newest entries again without dropping others', () => {
    const map = filled(6)
    map.set(5, 'again')
    expect(kept(map, 6)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('deletes a key from both halves', () => {
    const map = filled(4)
    map.set(1, 'again')
    map.delete(1)
    expect(map.has(1)).toBe(false)
    expect(map.get(1)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'

import { shardOf } from '../src/layer/shard-hash.ts'

describe('shardOf', () => {
  it.each([
    ['key_one', 2, 1],
    ['key_two', 2, 0],
    ['key_one', 10, 6],
    ['key_two', 10, 4],
    ['anything', 1, 0],
  ])('returns for %s among %i hosts the host of channels_redis', (name, hosts, expected) => {
    expect(shardOf(name, hosts)).toBe(expected)
  })

  it('always returns the index of a host', () => {
    for (let hosts = 1; hosts <= 12; hosts++) {
      const taken = new Set(Array.from({ length: 2000 }, (_, n) => shardOf(`name-${n}`, hosts)))
      expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: hosts }, (_, n) => n))
    }
  })
})

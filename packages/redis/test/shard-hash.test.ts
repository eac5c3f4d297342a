import { describe, expect, it } from 'vitest'

import { shardOf } from '../src/layer/shard-hash.ts'

describe('the host of a name', () => {
  it.each([
    ['key_one', 2, 1],
    ['key_two', 2, 0],
    ['key_one', 10, 6],
    ['key_two', 10, 4],
    ['anything', 1, 0],
  ])('is for %s among %i hosts the one that channels_redis takes', (name, hosts, expected) => {
    expect(shardOf(name, hosts)).toBe(expected)
  })

  it('is always one of the hosts', () => {
    for (let hosts = 1; hosts <= 12; hosts++) {
      const taken = new Set(Array.from({ length: 2000 }, (_, n) => shardOf(`name-${n}`, hosts)))
      expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: hosts }, (_, n) => n))
    }
  })
})

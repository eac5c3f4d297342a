import { InMemoryChannelLayer } from 'tideway/layer'
import { describe, expect, it } from 'vitest'

describe('newChannel', () => {
  it('returns different names that cannot be guessed from one another', () => {
    const layer = new InMemoryChannelLayer()
    const names = Array.from({ length: 1000 }, () => layer.newChannel('chat'))
    expect(new Set(names).size).toBe(1000)
    for (const name of names) expect(name).toMatch(/^chat\.[\w.-]+![\w-]{16}$/)
    // Names of a counter would have nearly all of their characters in common.
    const [first, second] = names.map((name) => name.split('!')[1]!)
    const same = first!.split('').filter((character, i) => second![i] === character)
    expect(same.length).toBeLessThan(8)
  })
})

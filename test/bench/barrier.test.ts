import { describe, expect, it } from 'vitest'

import { Barrier } from '../../bench/src/barrier.ts'

describe('a barrier', () => {
  /** Whether the promise is fulfilled, after everything that waits for no event. */
  async function isOpen(arrived: Promise<void>): Promise<boolean> {
    let open = false
    void arrived.then(() => (open = true))
    await new Promise((resolve) => setImmediate(resolve))
    return open
  }

  it('holds each party until all have arrived, again and again', async () => {
    const barrier = new Barrier(2)
    for (let round = 0; round < 2; round++) {
      const first = barrier.arrive()
      expect(await isOpen(first)).toBe(false)
      expect(await isOpen(barrier.arrive())).toBe(true)
      expect(await isOpen(first)).toBe(true)
    }
  })

  it('does not wait for a party that has left', async () => {
    const barrier = new Barrier(3)
    const [first, second] = [barrier.arrive(), barrier.arrive()]
    expect(await isOpen(first)).toBe(false)
    barrier.leave()
    expect(await isOpen(first)).toBe(true)
    expect(await isOpen(second)).toBe(true)
    barrier.leave()
    expect(await isOpen(barrier.arrive())).toBe(true)
  })
})

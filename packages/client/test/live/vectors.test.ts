import { describe, expect, it } from 'vitest'
import { filled, VectorRun, vectors } from './vector-run.ts'
import { virtualLive } from './virtual-live.ts'

describe('The client in the test vectors of the live protocol', () => {
  it.each(vectors.filter((vector) => vector.for !== 'server'))('$name', async ({ steps }) => {
    const run = new VectorRun(await virtualLive())
    for (const step of filled(steps)) {
      if (step.client) await run.client(step.client)
      for (const frame of [step.server ?? []].flat()) await run.server(frame)
      if (step.disconnect) await run.disconnect()
    }
    const { heard, expected, extra } = run.result
    expect(heard).toEqual(expected)
    expect(extra).toBe(0)
  })
})

import { describe, expect, it } from 'vitest'
import { simulate } from './simulation/simulation.ts'

/** The first seed, and the number of seeds. TIDEWAY_SIM_SEEDS changes the number, and TIDEWAY_SIM_SEED the first one. */
const SEEDS = Number(process.env['TIDEWAY_SIM_SEEDS'] ?? 1000)
const FIRST = Number(process.env['TIDEWAY_SIM_SEED'] ?? 0)

describe('a follower in a simulated fleet with faults', () => {
  it(
    `gets every event once and in order, or is told that it does not (${SEEDS} seeds)`,
    { timeout: 60_000 + 300 * SEEDS },
    async () => {
      const sum = { events: 0, told: 0, published: 0, repairs: 0, reads: 0 }
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          const report = await simulate(seed)
          for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += report[name]
        } catch (error) {
          throw new Error(`Repeat it with TIDEWAY_SIM_SEED=${seed} TIDEWAY_SIM_SEEDS=1.`, { cause: error })
        }
      }
      process.stdout.write(`simulation: ${SEEDS} seeds, ${JSON.stringify(sum)}\n`)
      // The faults and the work have happened.
      expect(Math.min(...Object.values(sum))).toBeGreaterThan(SEEDS)
    },
  )
})

import { describe, expect, it } from 'vitest'
import { simulate } from './simulation/simulation.ts'
import { simulateState } from './simulation/state-simulation.ts'

/** The first seed, and the number of seeds. TIDEWAY_SIM_SEEDS changes the number, and TIDEWAY_SIM_SEED the first one. */
const SEEDS = Number(process.env['TIDEWAY_SIM_SEEDS'] ?? 1000)
const FIRST = Number(process.env['TIDEWAY_SIM_SEED'] ?? 0)

/** Runs the simulation with each seed, and adds the reports. */
async function simulateSeeds<Report extends { readonly [Name in keyof Report]: number }>(
  run: (seed: number) => Promise<Report>,
  seeds = SEEDS,
): Promise<number[]> {
  const sum: Record<string, number> = {}
  for (let seed = FIRST; seed < FIRST + seeds; seed++) {
    try {
      for (const [name, count] of Object.entries<number>(await run(seed))) sum[name] = (sum[name] ?? 0) + count
    } catch (error) {
      throw new Error(`Repeat it with TIDEWAY_SIM_SEED=${seed} TIDEWAY_SIM_SEEDS=1.`, { cause: error })
    }
  }
  process.stdout.write(`simulation: ${seeds} seeds, ${JSON.stringify(sum)}\n`)
  return Object.values(sum)
}

describe('a follower in a simulated fleet with faults', () => {
  it(
    `gets every event once and in order, or is told that it does not (${SEEDS} seeds)`,
    { timeout: 60_000 + 300 * SEEDS },
    async () => {
      // The faults and the work have happened.
      expect(Math.min(...(await simulateSeeds(simulate)))).toBeGreaterThan(SEEDS)
    },
  )

  it('has the values of its group at the end', { timeout: 60_000 + 300 * SEEDS }, async () => {
    const seeds = Math.ceil(SEEDS / 8)
    expect(Math.min(...(await simulateSeeds(simulateState, seeds)))).toBeGreaterThan(seeds)
  })
})

import { vi } from 'vitest'

/** Far longer than anything takes on a machine that is busy, and shorter than a test may. */
const PATIENCE_MS = 30_000

/** Tries until it does not throw. `vi.waitFor` by itself gives up after a second, which two busy processors can take. */
export function patiently<T>(attempt: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(attempt, { timeout: PATIENCE_MS })
}

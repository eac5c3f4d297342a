const FIRST_DELAY_MS = 50

/**
 * How long to wait before attempt `attempt` (from 1) to connect again, in milliseconds: doubled each time up to the
 * maximum, and half of it random, so that a fleet does not come back in step.
 */
export function reconnectDelay(attempt: number, maxDelayMs: number, random: () => number = Math.random): number {
  const delay = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 30))
  return delay / 2 + (delay / 2) * random()
}

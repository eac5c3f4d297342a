const FIRST_DELAY_MS = 50

/**
 * Returns the delay before reconnect attempt `attempt` (from 1), in milliseconds. It doubles with each attempt up to the
 * maximum. Half of it is random, so that the processes of a fleet do not reconnect at the same time.
 */
export function reconnectDelay(attempt: number, maxDelayMs: number, random: () => number = Math.random): number {
  const delay = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 30))
  return delay / 2 + (delay / 2) * random()
}

/** The bounds of an exponential back-off with jitter. */
export interface BackoffOptions {
  /** The longest first delay, in milliseconds. */
  readonly firstMs: number
  /** The longest delay, in milliseconds. */
  readonly mostMs: number
}

/**
 * Returns the delay after a number of failures in a row (from 1), in milliseconds. It doubles with each failure up to the
 * maximum. Half of it is random, so that the processes of a fleet do not retry at the same time.
 * @param random returns at least 0 and under 1
 */
export function backoffMs(
  failures: number,
  { firstMs, mostMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  const longest = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return longest / 2 + (random() * longest) / 2
}

/** The bounds of the delay between two attempts. */
export interface BackoffOptions {
  /** The upper bound of the first delay. It doubles with each failed attempt. @default 2000 */
  readonly baseMs?: number
  /** The maximum of the upper bound. @default 30000 */
  readonly capMs?: number
}

/**
 * Returns a delay with "full jitter": uniform between 0 and `min(capMs, baseMs * 2 ** (failures - 1))`. Of the published
 * variants this one spreads many clients widest and needs the fewest attempts (M. Brooker, "Exponential Backoff And
 * Jitter", AWS, 2015). `failures` counts from 1; `random` returns a number in [0, 1).
 */
export function fullJitterMs(
  failures: number,
  { baseMs, capMs }: Required<BackoffOptions>,
  random: () => number,
): number {
  return random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}

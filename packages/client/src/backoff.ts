/** The bounds of the wait between two attempts. */
export interface BackoffOptions {
  /** The upper bound of the first wait; it doubles with each attempt that fails. @default 2000 */
  readonly baseMs?: number
  /** What the upper bound never exceeds. @default 30000 */
  readonly capMs?: number
}

/**
 * A wait of "full jitter": uniform between 0 and `min(capMs, baseMs * 2 ** (failures - 1))`. Of the variants, the one
 * that spreads a crowd widest for the least work (M. Brooker, "Exponential Backoff And Jitter", AWS, 2015).
 * `failures` counts from 1; `random` returns a number in [0, 1).
 */
export function fullJitterMs(
  failures: number,
  { baseMs, capMs }: Required<BackoffOptions>,
  random: () => number,
): number {
  return random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}

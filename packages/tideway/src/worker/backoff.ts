/** Bounds of an exponential back-off with jitter. */
export interface BackoffOptions {
  /** The longest first wait, in milliseconds. */
  readonly firstMs: number
  /** The longest wait, in milliseconds. */
  readonly mostMs: number
}

/** The wait after a number of failures in a row, in milliseconds: doubled each time, half of it at random. */
export function backoffMs(failures: number, { firstMs, mostMs }: BackoffOptions): number {
  const longest = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return longest / 2 + (Math.random() * longest) / 2
}

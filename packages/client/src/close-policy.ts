import { fullJitterMs, type BackoffOptions } from './backoff.ts'

/** Close codes: single codes, and ranges that include both ends. */
export type CloseCodes = readonly (number | readonly [from: number, to: number])[]

/** The options that decide a delay. */
export interface ClosePolicy {
  readonly backoff: Required<BackoffOptions>
  readonly restartSpreadMs: number
  readonly tryLaterMs: number
}

/** The longest spread that a server can ask for: a wrong number must not keep clients away for a day. */
const maxSpreadMs = 300_000

/** Whether the list contains the code. */
export function includesCode(codes: CloseCodes, code: number): boolean {
  return codes.some((one) => (typeof one === 'number' ? code === one : code >= one[0] && code <= one[1]))
}

/**
 * Returns the delay before the next attempt, in milliseconds. `failures` counts the attempts since the last connection
 * that reached its minimum uptime, and is at least 1.
 *
 * - 1012 (service restart) on a connection that had been up: uniform within the spread. The server may give the spread
 *   in the close reason, as `spread=<milliseconds>`. The next instance is ready, but not for all clients at once.
 * - 1013 (try again later): between `tryLaterMs` and twice that, or the back-off if that is longer.
 * - All other codes: full jitter.
 */
export function retryDelayMs(
  code: number,
  reason: string,
  failures: number,
  policy: ClosePolicy,
  random: () => number,
): number {
  if (code === 1012 && failures === 1)
    return random() * Math.min(Number(/\bspread=(\d+)/.exec(reason)?.[1] ?? policy.restartSpreadMs), maxSpreadMs)
  const delayMs = fullJitterMs(failures, policy.backoff, random)
  return code === 1013 ? Math.max(delayMs, policy.tryLaterMs * (1 + random())) : delayMs
}

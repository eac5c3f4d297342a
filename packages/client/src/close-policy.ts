import { fullJitterMs, type BackoffOptions } from './backoff.ts'

/** Close codes: single ones, and ranges with both ends included. */
export type CloseCodes = readonly (number | readonly [from: number, to: number])[]

/** What the policy needs to know of the options. */
export interface ClosePolicy {
  readonly backoff: Required<BackoffOptions>
  readonly restartSpreadMs: number
  readonly tryLaterMs: number
}

/** The longest spread that a server can ask for, so that a wrong number does not send its clients away for a day. */
const maxSpreadMs = 300_000

/** Whether the code is one of them. */
export function includesCode(codes: CloseCodes, code: number): boolean {
  return codes.some((one) => (typeof one === 'number' ? code === one : code >= one[0] && code <= one[1]))
}

/**
 * How long to wait before the next attempt, in milliseconds. `failures` counts the attempts since the last connection
 * that reached its minimum uptime, and is at least 1.
 *
 * - 1012 (service restart) on a connection that had been up: uniform within the spread, which the server may give in
 *   the close reason as `spread=<milliseconds>`. The next instance is there already or soon, only not for all at once.
 * - 1013 (try again later): at least `tryLaterMs`, at most twice that, or the back-off if that is longer.
 * - Everything else: full jitter.
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

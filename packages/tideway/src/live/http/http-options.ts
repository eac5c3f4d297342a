import { MAX_TIMER_MS, requirePositive, requireWholeNumber } from '../../errors/option-checks.ts'

/** The bounds of a live consumer over HTTP. */
export interface LiveHttpOptions {
  /** The most bytes of the body of a request; above it the server answers 413. @default 1048576 */
  readonly maxBodyBytes?: number
  /** The most request frames of one body; above it the server answers 413. @default 100 */
  readonly maxFramesPerBody?: number
  /** How often an idle stream gets a comment, so that no proxy closes it, in milliseconds. @default 15000 */
  readonly commentIntervalMs?: number
  /** The longest time that a poll may wait, in milliseconds. @default 60000 */
  readonly maxWaitMs?: number
  /** How long a person who polls stays present after each poll, in milliseconds. @default 40000 */
  readonly presenceLeaseMs?: number
  /**
   * How many streams, polls and bodies of requests a user may send per second, on average, to one process; above it the server answers
   * 429. Clients without a user count by their address. @default 20
   */
  readonly callsPerSecond?: number
  /** How many of them a user may send at once. @default 100 */
  readonly callBurst?: number
}

/** The options with their defaults. */
export type ResolvedHttpOptions = Readonly<Required<LiveHttpOptions>>

/** The defaults of {@link LiveHttpOptions}. */
export const liveHttpDefaults: ResolvedHttpOptions = Object.freeze({
  maxBodyBytes: 1024 * 1024,
  maxFramesPerBody: 100,
  commentIntervalMs: 15_000,
  maxWaitMs: 60_000,
  presenceLeaseMs: 40_000,
  callsPerSecond: 20,
  callBurst: 100,
})

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` */
export function resolveHttpOptions(name: string, options: LiveHttpOptions): ResolvedHttpOptions {
  const all = { ...liveHttpDefaults, ...options }
  requireWholeNumber(`${name}.http.maxBodyBytes`, all.maxBodyBytes, Infinity)
  requireWholeNumber(`${name}.http.maxFramesPerBody`, all.maxFramesPerBody, Infinity)
  requirePositive(`${name}.http.commentIntervalMs`, all.commentIntervalMs, MAX_TIMER_MS)
  requireWholeNumber(`${name}.http.maxWaitMs`, all.maxWaitMs, MAX_TIMER_MS, 0)
  requireWholeNumber(`${name}.http.presenceLeaseMs`, all.presenceLeaseMs)
  requirePositive(`${name}.http.callsPerSecond`, all.callsPerSecond)
  requireWholeNumber(`${name}.http.callBurst`, all.callBurst, Infinity)
  return all
}

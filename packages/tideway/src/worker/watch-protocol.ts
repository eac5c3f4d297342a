import type { Culprit } from './stall-culprit.ts'

/** What the thread that watches the event loop gets when it starts. */
export interface WatchSettings {
  /** A number that the main thread counts up for as long as its event loop turns. */
  readonly beats: Int32Array
  readonly thresholdMs: number
  /** The folder of all of tideway's own modules. */
  readonly ownCode: string
}

/** One stretch of time for which the event loop did not turn. */
export interface Stall extends Culprit {
  /** The time for which the main thread ran, or waited for something else than a processor. */
  readonly blockedMs: number
}

/** How often the main thread counts, and the watching thread looks, in milliseconds. */
export const BEAT_MS = 20

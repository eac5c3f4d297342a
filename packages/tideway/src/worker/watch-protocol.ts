import type { Culprit } from './stall-culprit.ts'

/** Settings of the thread that watches the event loop. */
export interface WatchSettings {
  /** A counter that the main thread increments while its event loop turns. */
  readonly beats: Int32Array
  readonly thresholdMs: number
  /** The folder of the modules of tideway. */
  readonly ownCode: string
}

/** A time in which the event loop did not turn. */
export interface Stall extends Culprit {
  /** The time in which the main thread ran, or waited for something other than a processor. */
  readonly blockedMs: number
}

/** The time between two beats of the main thread, and between two samples, in milliseconds. */
export const BEAT_MS = 20

/** One sample of the main thread. */
export interface WatchSample {
  readonly nowMs: number
  /** The counter that the event loop increments. */
  readonly beat: number
  /** The total time that the main thread has waited for a processor. */
  readonly waitedMs: number
}

/** The result of {@link StallDetector.add}: a stall that has begun, or one that ended after a time in milliseconds. */
export type StallChange = 'begun' | { readonly endedAfterMs: number }

/** Detects when an event loop does not turn although its thread could run. */
export class StallDetector {
  readonly #thresholdMs: number
  #last: WatchSample | undefined
  /** The sample of the last turn. */
  #turn: WatchSample = { nowMs: 0, beat: 0, waitedMs: 0 }
  #isStalled = false

  constructor(thresholdMs: number) {
    this.#thresholdMs = thresholdMs
  }

  /** Adds a sample; the caller adds one every few milliseconds. */
  add(sample: WatchSample): StallChange | undefined {
    const last = this.#last
    this.#last = sample
    // The main thread starts until the first beat.
    if (last === undefined || sample.beat === 0) return this.#restart(sample)
    if (sample.beat !== last.beat) {
      const wasStalled = this.#isStalled
      const endedAfterMs = Math.round(ranFor(this.#turn, sample))
      this.#restart(sample)
      return wasStalled && endedAfterMs > this.#thresholdMs ? { endedAfterMs } : undefined
    }
    if (!this.#isStalled && ranFor(this.#turn, sample) > this.#thresholdMs) {
      this.#isStalled = true
      return 'begun'
    }
    return undefined
  }

  #restart(sample: WatchSample): undefined {
    this.#turn = sample
    this.#isStalled = false
  }
}

/** The time in which the main thread ran, or waited for something other than a processor. */
function ranFor(from: WatchSample, to: WatchSample): number {
  return to.nowMs - from.nowMs - (to.waitedMs - from.waitedMs)
}

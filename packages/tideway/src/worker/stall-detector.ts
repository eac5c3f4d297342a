/** What the watching thread reads of the main thread at one time. */
export interface WatchSample {
  readonly nowMs: number
  /** The number that the event loop counts up. */
  readonly beat: number
  /** For how long the main thread has waited for a processor so far. */
  readonly waitedMs: number
}

/** What {@link StallDetector.add} finds: a stall that goes on, or one that has ended after so many milliseconds. */
export type StallChange = 'begun' | { readonly endedAfterMs: number }

/** Finds the times for which an event loop does not turn although its thread could run. */
export class StallDetector {
  readonly #thresholdMs: number
  #last: WatchSample | undefined
  /** The sample of the last turn. */
  #turn: WatchSample = { nowMs: 0, beat: 0, waitedMs: 0 }
  #isStalled = false

  constructor(thresholdMs: number) {
    this.#thresholdMs = thresholdMs
  }

  /** Adds a sample; they come every few milliseconds. */
  add(sample: WatchSample): StallChange | undefined {
    const last = this.#last
    this.#last = sample
    // Before the first beat the main thread is still starting.
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

/** For how long the main thread ran, or waited for something else than a processor. */
function ranFor(from: WatchSample, to: WatchSample): number {
  return to.nowMs - from.nowMs - (to.waitedMs - from.waitedMs)
}

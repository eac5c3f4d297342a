/** The time, timers and chance of kept groups. A simulation passes its own. */
export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Calls back after a time, and returns a function that cancels it. The timer does not keep the process alive. */
  after(ms: number, callback: () => void): () => void
  /** At least 0 and under 1. */
  random(): number
}

/** The clock of the process. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  after: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms).unref()
    return () => clearTimeout(timer)
  },
  random: Math.random,
})

/** A timer that can be set repeatedly. Times are in milliseconds. */
export interface Timer {
  /** Replaces the pending callback. A delay of 2^31 or more never ends: no platform's timer holds it. */
  set(delayMs: number, callback: () => unknown): void
  clear(): void
}

/** Creates a timer that is not set. */
export function createTimer(): Timer {
  let timer: ReturnType<typeof setTimeout> | undefined
  const clear = (): void => clearTimeout(timer)
  return {
    clear,
    set(delayMs, callback) {
      clear()
      if (delayMs < 2 ** 31) timer = setTimeout(callback, delayMs)
    },
  }
}

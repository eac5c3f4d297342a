/** One timer that can be set again and again. Times are in milliseconds. */
export interface Timer {
  /** Runs the callback once after the delay, instead of what was set before. Of 2^31 and more, which no platform's timer can hold, the delay is never over. */
  set(delayMs: number, callback: () => unknown): void
  clear(): void
}

/** Makes a timer that is not set. */
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

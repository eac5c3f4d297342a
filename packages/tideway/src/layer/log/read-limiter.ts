import type { Clock } from './clock.ts'
import type { Histogram } from './histogram.ts'

/** Runs at most a number of reads at the same time. The others wait in order. */
export class ReadLimiter {
  #free: number
  readonly #waiting: (() => void)[] = []

  readonly #clock: Clock
  readonly #times: Histogram

  /** @param times gets the durations of the reads */
  constructor(atOnce: number, clock: Clock, times: Histogram) {
    this.#free = atOnce
    this.#clock = clock
    this.#times = times
  }

  async run<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const startedAt = this.#clock.now()
    try {
      return await read()
    } finally {
      this.#times.observe(this.#clock.now() - startedAt)
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

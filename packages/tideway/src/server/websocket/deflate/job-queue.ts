/** Runs a few asynchronous jobs at a time, in order. */
export class JobQueue {
  readonly #concurrency: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** The number of running jobs. */
  get running(): number {
    return this.#running
  }

  /** The number of queued jobs. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs the job as soon as a slot is free, and returns its result. */
  async run<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrency) {
      // A finished job passes its slot directly to the next one, so that a new job cannot overtake it.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      return await job()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

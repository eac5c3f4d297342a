/** Runs a few asynchronous jobs at a time, in the order that they come. */
export class JobQueue {
  readonly #concurrency: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** How many are running. */
  get running(): number {
    return this.#running
  }

  /** How many have not begun. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs the job as soon as there is room, and answers as it does. */
  async run<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrency) {
      // Whoever ends hands its place over, so that nobody who comes meanwhile takes it.
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

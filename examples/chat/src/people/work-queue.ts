/** The queue is full. The client must try again later. */
export class BusyError extends Error {
  override readonly name = 'BusyError'
}

/** Runs at most `maxRunning` tasks at once. At most `maxWaiting` more wait for their turn. */
export class WorkQueue {
  readonly #maxRunning: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor({ maxRunning, maxWaiting }: { readonly maxRunning: number; readonly maxWaiting: number }) {
    this.#maxRunning = maxRunning
    this.#maxWaiting = maxWaiting
  }

  /** Runs the task as soon as a slot is free. Rejects with the error of the task, and with a {@link BusyError} if the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#maxRunning) this.#running++
    else if (this.#waiting.length < this.#maxWaiting) await new Promise<void>((start) => this.#waiting.push(start))
    else throw new BusyError('Too many people are logging in. Try again in a moment.')
    try {
      return await task()
    } finally {
      // The next task inherits this slot.
      const start = this.#waiting.shift()
      if (start === undefined) this.#running--
      else start()
    }
  }
}

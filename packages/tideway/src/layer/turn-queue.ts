/** Jobs run in one go before the event loop gets its turn: a chain of messages that never ends must not stop timers. */
const JOBS_A_TURN = 1000

/** Nor must a few large ones: a send to a group of 10,000 can take some milliseconds. */
const TURN_MS = 10

/**
 * Sends that wait at most: more are refused. It bounds what is sent in one turn of the event loop by code that waits for
 * none of it; consumers that do wait have one send each on its way.
 */
export const MAX_WAITING_SENDS = 100_000

/**
 * Runs jobs one after another, in order, never inside another job or inside its caller. A handler that sends while it
 * handles a message would else run the receivers' handlers on its own stack: thousands deep, and each member of a group
 * would see two messages in another order.
 */
export class TurnQueue {
  #jobs: (() => void)[] = []
  #scheduled = false

  /** Queues the job for this turn of the event loop. `false`: 100,000 wait already, and it will not run. */
  add(job: () => void): boolean {
    if (this.#jobs.length >= MAX_WAITING_SENDS) return false
    this.#push(job)
    return true
  }

  /** Resolves when every job that has been added so far is done. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#push(resolve))
  }

  #push(job: () => void): void {
    this.#jobs.push(job)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#run)
  }

  readonly #run = (): void => {
    const end = performance.now() + TURN_MS
    let done = 0
    try {
      // Jobs that jobs add are appended and run in the same go.
      do this.#jobs[done++]!()
      while (done < this.#jobs.length && done < JOBS_A_TURN && performance.now() < end)
    } finally {
      // Also after a job that throws: the others are none the worse for it.
      this.#jobs = done === this.#jobs.length ? [] : this.#jobs.slice(done)
      this.#scheduled = this.#jobs.length > 0
      if (this.#scheduled) setImmediate(this.#run)
    }
  }
}

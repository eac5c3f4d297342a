/** Jobs run in one go before the event loop gets its turn: a chain of messages that never ends must not stop timers. */
const JOBS_A_TURN = 1000

/** Sends that wait at most: more are refused, since whoever sends so many in one turn does not wait for any of them. */
export const MAX_WAITING_SENDS = 10_000

/**
 * Runs jobs one after another, in order, never inside another job or inside its caller. A handler that sends while it
 * handles a message would else run the receivers' handlers on its own stack: thousands deep, and each member of a group
 * would see two messages in another order.
 */
export class TurnQueue {
  #jobs: (() => void)[] = []
  #scheduled = false

  /** Queues the job for this turn of the event loop. `false`: over {@link MAX_WAITING_SENDS}, and it will not run. */
  add(job: () => void): boolean {
    if (this.#jobs.length >= MAX_WAITING_SENDS) return false
    this.#jobs.push(job)
    if (!this.#scheduled) {
      this.#scheduled = true
      queueMicrotask(this.#run)
    }
    return true
  }

  readonly #run = (): void => {
    let done = 0
    // Jobs that jobs add are appended and run in the same go.
    while (done < this.#jobs.length && done < JOBS_A_TURN) this.#jobs[done++]!()
    if (done === this.#jobs.length) {
      this.#jobs.length = 0
      this.#scheduled = false
    } else {
      this.#jobs = this.#jobs.slice(done)
      setImmediate(this.#run)
    }
  }
}

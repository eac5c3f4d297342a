/** Maximum jobs per turn of the event loop: an endless chain of messages must not stop timers. */
const JOBS_PER_TURN = 1000

/** Maximum time per turn, because few large jobs can take as long: a send to a group of 10,000 takes some milliseconds. */
const TURN_MS = 10

/**
 * Maximum queued sends. It bounds what code sends within one turn of the event loop without awaiting it; a consumer that
 * awaits its sends has one of them queued.
 */
export const MAX_WAITING_SENDS = 100_000

/** Maximum bytes of the messages in queued sends: 64 MiB. Messages under 1 KiB do not count. */
export const MAX_WAITING_SEND_BYTES: number = 64 * 1024 * 1024

/**
 * Runs jobs one after another, in order, and never inside another job or inside the caller. Otherwise a handler that sends
 * would run receivers' handlers on its own stack: thousands deep, and the members of a group would see two messages in
 * different orders.
 */
export class TurnQueue {
  #jobs: (() => void)[] = []
  #bytes = 0
  #scheduled = false

  /** The jobs that have not run yet. */
  get size(): number {
    return this.#jobs.length
  }

  /**
   * Queues the job for this turn of the event loop. Returns `false`, and drops the job, if 100,000 jobs or 64 MiB are queued.
   * @param bytes the memory that the job holds
   */
  add(job: () => void, bytes = 0): boolean {
    if (this.#jobs.length >= MAX_WAITING_SENDS || this.#bytes >= MAX_WAITING_SEND_BYTES) return false
    this.#push(bytes === 0 ? job : this.#counted(job, bytes))
    return true
  }

  /** Resolves when every job that has been added so far is done. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#push(resolve))
  }

  #counted(job: () => void, bytes: number): () => void {
    this.#bytes += bytes
    return () => {
      this.#bytes -= bytes
      job()
    }
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
      // Jobs that jobs add run in the same turn.
      do this.#jobs[done++]!()
      while (done < this.#jobs.length && done < JOBS_PER_TURN && performance.now() < end)
    } finally {
      // If a job throws, the remaining jobs still run.
      this.#jobs = done === this.#jobs.length ? [] : this.#jobs.slice(done)
      this.#scheduled = this.#jobs.length > 0
      if (this.#scheduled) setImmediate(this.#run)
    }
  }
}

import { exitCodes } from '../exit-codes.ts'
import { describeEnd, type SupervisedWorker } from '../processes/worker-process.ts'

/** Options of a {@link Reloader}. */
export interface ReloaderOptions {
  readonly start: () => SupervisedWorker
  /** Prints a line. */
  readonly say: (line: string) => void
}

/** Keeps one worker running with the current code. Starts a worker again after the next change if it failed to start or ended. */
export class Reloader {
  readonly #options: ReloaderOptions
  /** Workers that have not ended. */
  readonly #running = new Set<SupervisedWorker>()
  #serving: SupervisedWorker | undefined
  #starting: SupervisedWorker | undefined
  #isStopping = false

  constructor(options: ReloaderOptions) {
    this.#options = options
  }

  /**
   * Starts a worker, and stops the previous one when the new one listens. Resolves with its addresses; with `undefined` if it
   * did not start, or if the code changed again before it listened.
   */
  async load(): Promise<readonly string[] | undefined> {
    if (this.#isStopping) return undefined
    this.#starting?.kill()
    const fresh = this.#begin()
    this.#starting = fresh
    const urls = await fresh.ready
    if (this.#starting !== fresh || this.#isStopping) return undefined
    this.#starting = undefined
    if (urls === undefined) this.#sayWaiting(this.#serving === undefined ? '' : 'Still serving the previous version. ')
    else this.#change(fresh)
    return urls
  }

  /** Stops all workers in order, and resolves with the exit code. */
  async stop(): Promise<number> {
    this.#isStopping = true
    const [serving, all] = [this.#serving, [...this.#running]]
    this.#starting?.kill()
    for (const worker of all) worker.stop({ isReplaced: false, canMove: false })
    await Promise.all(all.map((worker) => worker.ended))
    return serving === undefined ? exitCodes.stopped : (serving.end?.code ?? exitCodes.failed)
  }

  /** Kills all workers at once. */
  kill(): void {
    for (const worker of this.#running) worker.kill()
  }

  reopenLogs(): void {
    for (const worker of this.#running) worker.reopenLogs()
  }

  #begin(): SupervisedWorker {
    const worker = this.#options.start()
    this.#running.add(worker)
    void worker.ended.then(() => this.#running.delete(worker))
    return worker
  }

  #change(fresh: SupervisedWorker): void {
    const old = this.#serving
    this.#serving = fresh
    void fresh.ended.then((end) => {
      if (this.#serving !== fresh || this.#isStopping) return
      this.#serving = undefined
      this.#sayWaiting(`The application ended with ${describeEnd(end)}. `)
    })
    old?.stop({ isReplaced: true, canMove: true })
  }

  #sayWaiting(why: string): void {
    this.#options.say(`${why}Waiting for changes…`)
  }
}

import type { Logger } from '../../asgi/logger.ts'
import { backoffMs } from '../../errors/backoff.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeEnd, type SupervisedWorker } from './worker-process.ts'

/** Options of a {@link Supervisor}. */
export interface SupervisorOptions {
  /** The number of workers. */
  readonly workers: number
  readonly start: () => SupervisedWorker
  /** The longest time from the start of a worker until it listens, in milliseconds. */
  readonly startTimeoutMs: number
  /** The longest time of a worker to end after `stop()`, in milliseconds. */
  readonly stopTimeoutMs: number
  readonly logger: Logger
}

/** The waits before the restart of a crashed worker. */
export const restartBackoff: { readonly firstMs: number; readonly mostMs: number } = Object.freeze({
  firstMs: 200,
  mostMs: 30_000,
})

/** The age of a worker at which its crash starts a new row of failures, in milliseconds. */
export const HEALTHY_AFTER_MS = 60_000

/** One position of a worker. */
interface Slot {
  worker: SupervisedWorker | undefined
  /** Crashes in a row. */
  failures: number
  timer: NodeJS.Timeout | undefined
}

/** Keeps the workers of a server running: starts them, replaces crashed workers, and restarts all of them one by one. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: readonly Slot[]
  /** Workers that have not ended, in a slot or not. */
  readonly #running = new Set<SupervisedWorker>()
  #isStarted = false
  #isRestarting = false
  #isRestartWanted = false
  #stopped: Promise<number> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.workers }, () => ({ worker: undefined, failures: 0, timer: undefined }))
  }

  /**
   * Starts the workers, first one alone, so that an error of all of them is printed once. Resolves with their addresses, or
   * with the exit code after the end of all if one did not start.
   */
  async start(): Promise<readonly string[] | number> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]]
    const urls = await this.#fill(first)
    if (urls === undefined) return this.#giveUp()
    const started = await Promise.all(others.map((slot) => this.#fill(slot)))
    if (started.includes(undefined)) return this.#giveUp()
    this.#isStarted = true
    if (this.#isRestartWanted) this.restart()
    return urls
  }

  /**
   * Replaces all workers, one after the other: the new one listens before the old one ends. If a new one does not start, the
   * old ones continue. A call during a restart restarts all again; a call during `start()` waits for its end.
   */
  restart(): void {
    this.#isRestartWanted = true
    if (this.#isStarted && !this.#isRestarting) void this.#restartAll()
  }

  reopenLogs(): void {
    for (const worker of this.#running) worker.reopenLogs()
  }

  /**
   * Stops all workers in order, and resolves with the exit code.
   * @param canMove whether another server may serve the clients
   */
  stop(canMove = true): Promise<number> {
    this.#stopped ??= this.#stop(canMove)
    return this.#stopped
  }

  /** Ends all workers at once. */
  kill(): void {
    for (const worker of this.#running) worker.kill()
  }

  get #isStopping(): boolean {
    return this.#stopped !== undefined
  }

  async #giveUp(): Promise<number> {
    if (this.#isStopping) return this.stop()
    await this.stop()
    return exitCodes.failed
  }

  /** Starts a worker in the slot. Resolves when it listens, or with `undefined` if it does not. */
  async #fill(slot: Slot): Promise<readonly string[] | undefined> {
    const worker = this.#begin()
    slot.worker = worker
    const urls = await this.#ready(worker)
    if (urls !== undefined) this.#keep(slot, worker)
    return urls
  }

  #begin(): SupervisedWorker {
    const worker = this.#options.start()
    this.#running.add(worker)
    void worker.ended.then(() => this.#running.delete(worker))
    return worker
  }

  async #ready(worker: SupervisedWorker): Promise<readonly string[] | undefined> {
    const { startTimeoutMs, logger } = this.#options
    const timer = setTimeout(() => {
      logger.error({}, `Worker ${worker.pid} did not listen within ${startTimeoutMs / 1000} s and is killed.`)
      worker.kill()
    }, startTimeoutMs)
    const urls = await worker.ready
    clearTimeout(timer)
    return urls
  }

  /** Starts another worker if this one ends without `stop()`. */
  #keep(slot: Slot, worker: SupervisedWorker): void {
    const since = performance.now()
    void worker.ended.then((end) => {
      if (slot.worker !== worker || this.#isStopping) return
      if (performance.now() - since > HEALTHY_AFTER_MS) slot.failures = 0
      this.#refillLater(slot, `Worker ${worker.pid} ended with ${describeEnd(end)}`)
    })
  }

  #refillLater(slot: Slot, why: string): void {
    slot.worker = undefined
    const waitMs = backoffMs(++slot.failures, restartBackoff)
    this.#options.logger.error({}, `${why}. The next worker starts in ${(waitMs / 1000).toFixed(1)} s.`)
    slot.timer = setTimeout(() => void this.#refill(slot), waitMs)
  }

  async #refill(slot: Slot): Promise<void> {
    slot.timer = undefined
    const refill = this.#fill(slot)
    const { worker } = slot
    const urls = await refill
    // A restart has replaced the worker in this slot.
    if (slot.worker !== worker) return
    if (urls !== undefined) this.#options.logger.info({}, `Worker ${worker?.pid} listens.`)
    else if (!this.#isStopping) this.#refillLater(slot, `Worker ${worker?.pid} did not start`)
  }

  async #restartAll(): Promise<void> {
    const { logger } = this.#options
    this.#isRestarting = true
    while (this.#isRestartWanted && !this.#isStopping) {
      this.#isRestartWanted = false
      logger.info({}, 'Restarting the workers, one by one.')
      const isDone = await this.#replaceEach()
      if (isDone) logger.info({}, 'All workers were replaced.')
    }
    this.#isRestarting = false
  }

  async #replaceEach(): Promise<boolean> {
    for (const slot of this.#slots) {
      const fresh = this.#begin()
      const urls = await this.#ready(fresh)
      if (this.#isStopping) return false
      if (urls === undefined) {
        this.#options.logger.error(
          {},
          'A new worker did not start: the restart stops, and the old workers keep running.',
        )
        return false
      }
      await this.#change(slot, fresh)
    }
    return true
  }

  async #change(slot: Slot, fresh: SupervisedWorker): Promise<void> {
    const old = slot.worker
    clearTimeout(slot.timer)
    slot.worker = fresh
    slot.failures = 0
    this.#keep(slot, fresh)
    if (old === undefined) return
    old.stop({ isReplaced: true, canMove: true })
    // One at a time, so that there is never more than one extra process.
    await this.#endOf([old])
  }

  async #stop(canMove: boolean): Promise<number> {
    for (const { timer } of this.#slots) clearTimeout(timer)
    const serving = [...this.#running].filter((worker) => worker.isReady)
    for (const worker of this.#running) worker.stop({ isReplaced: false, canMove })
    const isInTime = await this.#endOf([...this.#running])
    if (!isInTime) return exitCodes.overdue
    const codes = serving.map(({ end }) => end?.code ?? exitCodes.failed)
    return Math.max(exitCodes.stopped, ...codes)
  }

  /** Waits for the end of stopped workers, and kills them after the time limit. */
  async #endOf(workers: readonly SupervisedWorker[]): Promise<boolean> {
    const { stopTimeoutMs, logger } = this.#options
    let isInTime = true
    const timer = setTimeout(() => {
      isInTime = false
      for (const worker of workers.filter(({ end }) => end === undefined)) {
        logger.error({}, `Worker ${worker.pid} did not end within ${stopTimeoutMs / 1000} s and is killed.`)
        worker.kill()
      }
    }, stopTimeoutMs)
    await Promise.all(workers.map((worker) => worker.ended))
    clearTimeout(timer)
    return isInTime
  }
}

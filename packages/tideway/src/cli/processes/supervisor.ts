import type { Logger } from '../../asgi/logger.ts'
import { backoffMs } from '../../worker/backoff.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeEnd, type SupervisedWorker } from './worker-process.ts'

/** What a {@link Supervisor} is made of. */
export interface SupervisorOptions {
  /** How many workers there are to be. */
  readonly workers: number
  readonly start: () => SupervisedWorker
  /** How long a worker may take from its start until it listens, in milliseconds. */
  readonly startTimeoutMs: number
  /** How long a worker may take to end after it was told to, in milliseconds. */
  readonly stopTimeoutMs: number
  readonly logger: Logger
}

/** How long is waited before a worker that has crashed is started again, in milliseconds. */
export const restartBackoff: { readonly firstMs: number; readonly mostMs: number } = Object.freeze({
  firstMs: 200,
  mostMs: 30_000,
})

/** A worker that has lived for so long has not crashed in a row with the one before. */
export const HEALTHY_AFTER_MS = 60_000

/** One of the places of workers. */
interface Slot {
  worker: SupervisedWorker | undefined
  /** Crashes in a row. */
  failures: number
  timer: NodeJS.Timeout | undefined
}

/** Keeps the workers of a server running: starts them, replaces those that crash, and all of them one by one when it is asked to. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: readonly Slot[]
  /** Those that have not ended, in a slot or not. */
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
   * Starts the workers: the first one alone, so that what keeps all of them from starting is said once. Gives the addresses
   * that they listen on; or, when one of them did not start, the exit code, and all have ended.
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
   * Replaces all workers, one after the other: the new one listens before the old one ends. When a new one does not start,
   * the old ones go on. Asked again meanwhile, it does all once more; asked before all have started, when they have.
   */
  restart(): void {
    this.#isRestartWanted = true
    if (this.#isStarted && !this.#isRestarting) void this.#restartAll()
  }

  reopenLogs(): void {
    for (const worker of this.#running) worker.reopenLogs()
  }

  /** Lets all workers end in order, and gives the exit code. */
  stop(): Promise<number> {
    this.#stopped ??= this.#stop()
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

  /** Starts a worker in the slot, and resolves when it listens, or with `undefined` when it does not. */
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
      logger.error({}, `Worker ${worker.pid} did not listen within ${startTimeoutMs / 1000} s, and is ended.`)
      worker.kill()
    }, startTimeoutMs)
    const urls = await worker.ready
    clearTimeout(timer)
    return urls
  }

  /** Starts another one when the worker ends that nobody has told to. */
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
    this.#options.logger.error({}, `${why}; another is started in ${(waitMs / 1000).toFixed(1)} s.`)
    slot.timer = setTimeout(() => void this.#refill(slot), waitMs)
  }

  async #refill(slot: Slot): Promise<void> {
    slot.timer = undefined
    const refill = this.#fill(slot)
    const { worker } = slot
    const urls = await refill
    // A restart has replaced it: the slot has a newer worker, and this one was told to stop.
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
      if (isDone) logger.info({}, 'All workers are new.')
    }
    this.#isRestarting = false
  }

  async #replaceEach(): Promise<boolean> {
    for (const slot of this.#slots) {
      const fresh = this.#begin()
      const urls = await this.#ready(fresh)
      if (this.#isStopping) return false
      if (urls === undefined) {
        this.#options.logger.error({}, 'A new worker did not start: the restart is given up, and the old ones go on.')
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
    old.stop({ isReplaced: true })
    // One at a time: so there is never more than one process too many.
    await this.#endOf([old])
  }

  async #stop(): Promise<number> {
    for (const { timer } of this.#slots) clearTimeout(timer)
    const serving = [...this.#running].filter((worker) => worker.isReady)
    for (const worker of this.#running) worker.stop({ isReplaced: false })
    const isInTime = await this.#endOf([...this.#running])
    if (!isInTime) return exitCodes.overdue
    const codes = serving.map(({ end }) => end?.code ?? exitCodes.failed)
    return Math.max(exitCodes.stopped, ...codes)
  }

  /** Waits for the end of workers that were told to; kills those that are late. */
  async #endOf(workers: readonly SupervisedWorker[]): Promise<boolean> {
    const { stopTimeoutMs, logger } = this.#options
    let isInTime = true
    const timer = setTimeout(() => {
      isInTime = false
      for (const worker of workers.filter(({ end }) => end === undefined)) {
        logger.error({}, `Worker ${worker.pid} did not end within ${stopTimeoutMs / 1000} s, and is ended.`)
        worker.kill()
      }
    }, stopTimeoutMs)
    await Promise.all(workers.map((worker) => worker.ended))
    clearTimeout(timer)
    return isInTime
  }
}

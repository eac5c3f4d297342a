import cluster from 'node:cluster'
import { exitCodes } from '../exit-codes.ts'
import { watchTerminal } from '../on-hangup.ts'
import { isOurs, type PrimaryMessage, type WorkerMessage, type WorkerStop } from './worker-messages.ts'

/** The reactions of a worker to messages of its primary process. */
export interface WorkerDuties {
  stop(how: WorkerStop): void
  reopenLogs(): void
}

/** The channel from a worker to its primary process. */
export class WorkerLink {
  /** Before it serves, a worker can exit at once. */
  #duties: WorkerDuties = { stop: () => process.exit(exitCodes.stopped), reopenLogs: () => {} }

  constructor() {
    const stop = (): void => this.#duties.stop({ isReplaced: false, canMove: true })
    process.on('message', (message: unknown) => {
      if (isOurs(message)) this.#handle(message as PrimaryMessage)
    })
    // Ctrl-C signals all processes of a terminal, and the primary sends a message for it.
    process.on('SIGINT', () => {}).on('SIGHUP', () => {})
    watchTerminal()
    process.on('SIGTERM', stop)
    this.#send({ tideway: 'linked' })
    const { worker } = cluster
    worker?.once('disconnect', () => {
      // Stops in order after the end of the primary process; by default Node exits at once.
      worker.exitedAfterDisconnect = true
      stop()
    })
  }

  /** Reports that the worker serves. */
  ready(urls: readonly string[], duties: WorkerDuties): void {
    this.#duties = duties
    this.#send({ tideway: 'ready', urls })
  }

  #send(message: WorkerMessage): void {
    if (process.connected) process.send?.(message)
  }

  #handle(message: PrimaryMessage): void {
    if (message.tideway === 'stop') this.#duties.stop(message)
    else this.#duties.reopenLogs()
  }
}

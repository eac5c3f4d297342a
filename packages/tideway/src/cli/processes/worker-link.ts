import cluster from 'node:cluster'
import { exitCodes } from '../exit-codes.ts'
import { watchTerminal } from '../on-hangup.ts'
import { isOurs, type PrimaryMessage, type WorkerMessage } from './worker-messages.ts'

/** What a worker does when it is told. */
export interface WorkerDuties {
  stop(options: { readonly isReplaced: boolean }): void
  reopenLogs(): void
}

/** A worker's end of the channel to its primary process. */
export class WorkerLink {
  /** Until it serves, it has nothing to put in order. */
  #duties: WorkerDuties = { stop: () => process.exit(exitCodes.stopped), reopenLogs: () => {} }

  constructor() {
    const stop = (): void => this.#duties.stop({ isReplaced: false })
    process.on('message', (message: unknown) => {
      if (isOurs(message)) this.#obey(message as PrimaryMessage)
    })
    // Ctrl-C goes to all processes of a terminal, and the primary passes on what is meant by it.
    process.on('SIGINT', () => {}).on('SIGHUP', () => {})
    watchTerminal()
    process.on('SIGTERM', stop)
    this.#tell({ tideway: 'linked' })
    const { worker } = cluster
    worker?.once('disconnect', () => {
      // The primary process is gone, which would end this one at once.
      worker.exitedAfterDisconnect = true
      stop()
    })
  }

  /** It serves from now on. */
  ready(urls: readonly string[], duties: WorkerDuties): void {
    this.#duties = duties
    this.#tell({ tideway: 'ready', urls })
  }

  #tell(message: WorkerMessage): void {
    if (process.connected) process.send?.(message)
  }

  #obey(message: PrimaryMessage): void {
    if (message.tideway === 'stop') this.#duties.stop(message)
    else this.#duties.reopenLogs()
  }
}

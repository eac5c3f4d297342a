import cluster, { type Worker } from 'node:cluster'
import { isOurs, type PrimaryMessage } from './worker-messages.ts'
import { environmentOf, type WorkerRole } from './worker-role.ts'

/** How a worker has ended: one of the two is there. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A worker, as whoever looks after it sees it. */
export interface SupervisedWorker {
  readonly pid: number
  /** Where it listens; `undefined` when it has ended before it did. */
  readonly ready: Promise<readonly string[] | undefined>
  readonly ended: Promise<WorkerEnd>
  /** Whether it has listened once. */
  readonly isReady: boolean
  /** How it has ended, if it has. */
  readonly end: WorkerEnd | undefined
  /** Lets it end in order. @param options `isReplaced`: another one listens in its place */
  stop(options: { readonly isReplaced: boolean }): void
  reopenLogs(): void
  /** Ends it at once. */
  kill(): void
}

/** A worker of `node:cluster`, in its primary process. */
export class WorkerProcess implements SupervisedWorker {
  readonly pid: number
  readonly ready: Promise<readonly string[] | undefined>
  readonly ended: Promise<WorkerEnd>
  readonly #worker: Worker
  #isReady = false
  /** What it is told once it hears; `undefined` when it does. */
  #untold: PrimaryMessage[] | undefined = []
  #end: WorkerEnd | undefined

  /** Starts one. */
  constructor(role: WorkerRole) {
    const worker = cluster.fork(environmentOf(role))
    this.#worker = worker
    this.pid = worker.process.pid ?? 0
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        this.#end = { code, signal }
        resolve(this.#end)
      }
      worker.once('exit', end)
      // A process that the system did not let us start has no end. Of others it says what follows anyway.
      worker.on('error', () => {
        if (worker.process.pid === undefined) end(1, null)
      })
    })
    this.ready = new Promise((resolve) => {
      worker.on('message', (message: unknown) => {
        if (!isOurs(message)) return
        if (message.tideway === 'linked') this.#tellAll()
        if (message.tideway !== 'ready') return
        this.#isReady = true
        resolve(message.urls)
      })
      void this.ended.then(() => resolve(undefined))
    })
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get end(): WorkerEnd | undefined {
    return this.#end
  }

  stop({ isReplaced }: { readonly isReplaced: boolean }): void {
    this.#send({ tideway: 'stop', isReplaced })
  }

  reopenLogs(): void {
    this.#send({ tideway: 'reopen-logs' })
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #tellAll(): void {
    const untold = this.#untold ?? []
    this.#untold = undefined
    for (const message of untold) this.#send(message)
  }

  #send(message: PrimaryMessage): void {
    this.#untold?.push(message)
    // One that is just ending hears nothing any more.
    if (this.#untold === undefined && this.#worker.isConnected()) this.#worker.send(message, () => {})
  }
}

/** How it ended, for people. */
export function describeEnd({ code, signal }: WorkerEnd): string {
  return signal === null ? `exit code ${code}` : signal
}

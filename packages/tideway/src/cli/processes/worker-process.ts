import cluster, { type Worker } from 'node:cluster'
import { isOurs, type PrimaryMessage, type WorkerStop } from './worker-messages.ts'
import { environmentOf, type WorkerRole } from './worker-role.ts'

/** The end of a worker: one of the two fields is set. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A worker, for its supervisor. */
export interface SupervisedWorker {
  readonly pid: number
  /** Its addresses, or `undefined` if it ended before it listened. */
  readonly ready: Promise<readonly string[] | undefined>
  readonly ended: Promise<WorkerEnd>
  /** Whether it has ever listened. */
  readonly isReady: boolean
  /** Its end, `undefined` before. */
  readonly end: WorkerEnd | undefined
  /** Stops it in order. */
  stop(how: WorkerStop): void
  reopenLogs(): void
  /** Kills it at once. */
  kill(): void
}

/** A worker of `node:cluster`, in its primary process. */
export class WorkerProcess implements SupervisedWorker {
  readonly pid: number
  readonly ready: Promise<readonly string[] | undefined>
  readonly ended: Promise<WorkerEnd>
  readonly #worker: Worker
  #isReady = false
  /** Messages to send when it listens to messages; `undefined` from then on. */
  #pending: PrimaryMessage[] | undefined = []
  #end: WorkerEnd | undefined

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
      // A process that the system refused to start emits only `error`. For others `exit` follows.
      worker.on('error', () => {
        if (worker.process.pid === undefined) end(1, null)
      })
    })
    this.ready = new Promise((resolve) => {
      worker.on('message', (message: unknown) => {
        if (!isOurs(message)) return
        if (message.tideway === 'linked') this.#sendPending()
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

  stop(how: WorkerStop): void {
    this.#send({ tideway: 'stop', ...how })
  }

  reopenLogs(): void {
    this.#send({ tideway: 'reopen-logs' })
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #sendPending(): void {
    const pending = this.#pending ?? []
    this.#pending = undefined
    for (const message of pending) this.#send(message)
  }

  #send(message: PrimaryMessage): void {
    this.#pending?.push(message)
    // A worker that is ending is disconnected.
    if (this.#pending === undefined && this.#worker.isConnected()) this.#worker.send(message, () => {})
  }
}

/** Describes the end of a worker for logs. */
export function describeEnd({ code, signal }: WorkerEnd): string {
  return signal === null ? `exit code ${code}` : signal
}

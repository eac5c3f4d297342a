import cluster from 'node:cluster'
import type { HubOfWorkers } from './hub-of-workers.ts'

/** The settings of a worker at its start. */
export interface WorkerRole {
  readonly primaryPid: number
  /** The number of workers. */
  readonly workers: number
  /** The flag or variable that set `workers`, for messages. */
  readonly workersFrom: string
  /** The umask of the primary process before it was narrowed for Unix sockets. */
  readonly umask: number
  /** The hub of the layers in memory. */
  readonly hub: HubOfWorkers
  /** Whether it restarts when its sources change. */
  readonly isReloaded: boolean
}

const VARIABLE = 'TIDEWAY_WORKER'

/** The environment variable with the role of a worker. */
export function environmentOf(role: WorkerRole): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(role) }
}

/** The role of this process; `undefined` for one that was not started as a worker by this command line. */
export function workerRole(): WorkerRole | undefined {
  const text = process.env[VARIABLE]
  // A child of a worker inherits its environment, but is not a worker.
  return cluster.isWorker && text !== undefined ? (JSON.parse(text) as WorkerRole) : undefined
}

import cluster from 'node:cluster'

/** What a worker is told of its part when it is started. */
export interface WorkerRole {
  readonly primaryPid: number
  /** How many workers there are. */
  readonly workers: number
  /** What asked for them, for messages. */
  readonly workersFrom: string
  /** That of the primary process before it was narrowed for its Unix sockets. */
  readonly umask: number
  /** Whether it is started again whenever its source changes. */
  readonly isReloaded: boolean
}

const VARIABLE = 'TIDEWAY_WORKER'

/** The role as the environment of a worker carries it. */
export function environmentOf(role: WorkerRole): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(role) }
}

/** The role of this process; `undefined` for one that was not started as a worker by this command line. */
export function workerRole(): WorkerRole | undefined {
  const text = process.env[VARIABLE]
  // A child of a worker inherits its environment, but is none itself.
  return cluster.isWorker && text !== undefined ? (JSON.parse(text) as WorkerRole) : undefined
}

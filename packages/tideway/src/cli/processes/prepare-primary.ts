import cluster from 'node:cluster'
import { TidewayError } from '../../errors/tideway-error.ts'
import { listenTargets, type UnixTarget } from '../../server/listen/listen-target.ts'
import { clearUnixSocket } from '../../server/listen/unix-socket.ts'
import { serveClusterMetrics } from '../../server/metrics/cluster-metrics.ts'
import type { ServeOptions } from '../../server/options.ts'
import type { ProcessOptions } from './process-options.ts'
import type { WorkerRole } from './worker-role.ts'

/** A process that is ready to start workers. */
export interface PreparedPrimary {
  readonly role: WorkerRole
  /** Where it answers for the metrics of its workers, if it was asked to. */
  readonly metricsUrl: string | undefined
}

/**
 * Makes this process one that starts workers.
 * @throws TidewayError `ERR_BAD_OPTION` in a process that is a worker itself, `ERR_ADDRESS_TAKEN`, and for the metrics
 *   `ERR_MISSING_PACKAGE` and `ERR_CANNOT_LISTEN`
 */
export async function preparePrimary(
  options: ServeOptions,
  { workers, workersFrom, reload }: ProcessOptions,
): Promise<PreparedPrimary> {
  if (!cluster.isPrimary) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'This process is one of a cluster already, as those of pm2 are, and cannot start workers: leave out --workers, ' +
        'WEB_CONCURRENCY and --reload, or let tideway alone start the processes.',
    )
  }
  shareSockets()
  const umask = await prepareUnixSockets(options)
  const role = { primaryPid: process.pid, workers, workersFrom, umask, isReloaded: reload }
  return { role, metricsUrl: await serveMetrics(options) }
}

async function serveMetrics({ metricsPort, metricsHost, logger }: ServeOptions): Promise<string | undefined> {
  if (typeof metricsPort !== 'number') return undefined
  const { url } = await serveClusterMetrics({
    port: metricsPort,
    ...(metricsHost !== undefined && { host: metricsHost }),
    ...(logger !== undefined && { logger }),
  })
  return url
}

/**
 * Every worker accepts from the same sockets, unless the environment says otherwise. Node's own default, that the primary
 * accepts and passes connections on, costs more for each, and does not always recover when workers have run out of descriptors.
 */
function shareSockets(): void {
  if (process.env['NODE_CLUSTER_SCHED_POLICY'] === undefined) cluster.schedulingPolicy = cluster.SCHED_NONE
}

/**
 * The primary binds for its workers. So what a dead server has left is removed here, and the permissions of new sockets are
 * those of this process: no worker could give them from their first moment.
 * @returns the umask that workers are to have
 */
async function prepareUnixSockets(options: ServeOptions): Promise<number> {
  const sockets = listenTargets(options).filter((target): target is UnixTarget => 'path' in target)
  for (const { path } of sockets) await clearUnixSocket(path)
  const mode = sockets.find((socket) => socket.mode !== undefined)?.mode
  return process.umask(mode === undefined ? process.umask() : ALL_PERMISSIONS & ~mode)
}

const ALL_PERMISSIONS = 0o777

import cluster from 'node:cluster'
import { TidewayError } from '../../errors/tideway-error.ts'
import { listenTargets, type UnixTarget } from '../../server/listen/listen-target.ts'
import { clearUnixSocket } from '../../server/listen/unix-socket.ts'
import { serveClusterMetrics } from '../../server/metrics/cluster-metrics.ts'
import { serverDefaults, type ServeOptions } from '../../server/options.ts'
import { startHubOfWorkers, type HubOfWorkers } from './hub-of-workers.ts'
import type { ProcessOptions } from './process-options.ts'
import type { WorkerRole } from './worker-role.ts'

/** A process that is ready to start workers. */
export interface PreparedPrimary {
  readonly role: WorkerRole
  /** The URL of the metrics of its workers, if the options ask for them. */
  readonly metricsUrl: string | undefined
}

/**
 * Prepares this process to start workers.
 * @throws TidewayError `ERR_BAD_OPTION` in a process that is itself a worker, `ERR_ADDRESS_TAKEN`, and for the metrics
 *   `ERR_MISSING_PACKAGE` and `ERR_CANNOT_LISTEN`
 */
export async function preparePrimary(
  options: ServeOptions,
  { workers, workersFrom, reload }: ProcessOptions,
): Promise<PreparedPrimary> {
  if (!cluster.isPrimary) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      'This process is itself a worker of a cluster, such as that of pm2, and cannot start workers: leave out --workers, ' +
        'WEB_CONCURRENCY and --reload, or let only tideway start processes.',
    )
  }
  shareSockets()
  const umask = await prepareUnixSockets(options)
  const { logger = serverDefaults.logger } = options
  const hub: HubOfWorkers = workers === 1 ? { failure: 'there is one worker' } : await startHubOfWorkers(logger)
  const role = { primaryPid: process.pid, workers, workersFrom, umask, hub, isReloaded: reload }
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
 * Makes every worker accept from the same sockets, unless the environment sets another policy. By Node's default the primary
 * accepts and passes on connections. That costs more per connection, and does not always recover if workers run out of
 * descriptors.
 */
function shareSockets(): void {
  if (process.env['NODE_CLUSTER_SCHED_POLICY'] === undefined) cluster.schedulingPolicy = cluster.SCHED_NONE
}

/**
 * Removes the files of dead servers, and sets the umask for new sockets, because the primary binds for its workers: no worker
 * could set the permissions from their first moment.
 * @returns the umask of the workers
 */
async function prepareUnixSockets(options: ServeOptions): Promise<number> {
  const sockets = listenTargets(options).filter((target): target is UnixTarget => 'path' in target)
  for (const { path } of sockets) await clearUnixSocket(path)
  const mode = sockets.find((socket) => socket.mode !== undefined)?.mode
  // oxlint-disable-next-line typescript/no-deprecated -- nothing else reads the umask, and no other thread runs yet
  return process.umask(mode === undefined ? process.umask() : ALL_PERMISSIONS & ~mode)
}

const ALL_PERMISSIONS = 0o777

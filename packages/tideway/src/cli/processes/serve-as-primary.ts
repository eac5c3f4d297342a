import cluster from 'node:cluster'
import { serveClusterMetrics } from '../../server/metrics/cluster-metrics.ts'
import { listenTargets, type UnixTarget } from '../../server/listen/listen-target.ts'
import { clearUnixSocket } from '../../server/listen/unix-socket.ts'
import { serverDefaults, type ServeOptions } from '../../server/options.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { onHangup } from '../on-hangup.ts'
import type { ProcessOptions } from '../serve-command.ts'
import { mostToStopMs } from '../serve-process.ts'
import { stopOnSignal } from '../stop-on-signal.ts'
import { Supervisor } from './supervisor.ts'
import { WorkerProcess } from './worker-process.ts'

/** What loading an application may take before its start-up, in milliseconds. */
const LOAD_TIMEOUT_MS = 60_000
/** What `serve()` gives to a start-up that is not told how long it may take. */
const LIFESPAN_TIMEOUT_MS = 60_000
/** A worker ends itself in time; this much later something keeps it from that. */
const GRACE_MS = 5000

/** Serves by several processes, of which this is the first: it has the addresses and the workers, and no connections. */
export async function serveAsPrimary(options: ServeOptions, processes: ProcessOptions): Promise<void> {
  const { logger = serverDefaults.logger, lifespanTimeoutMs = LIFESPAN_TIMEOUT_MS, metricsPort } = options
  requirePrimary(processes)
  shareSockets()
  const umask = await prepareUnixSockets(options)
  const { workers, workersFrom } = processes
  const role = { primaryPid: process.pid, workers, workersFrom, umask, isReloaded: false }
  const metrics =
    typeof metricsPort === 'number'
      ? await serveClusterMetrics({
          port: metricsPort,
          logger,
          ...(options.metricsHost !== undefined && { host: options.metricsHost }),
        })
      : undefined
  const supervisor = new Supervisor({
    workers,
    start: () => new WorkerProcess(role),
    startTimeoutMs: LOAD_TIMEOUT_MS + lifespanTimeoutMs,
    stopTimeoutMs: mostToStopMs(options, processes.exitTimeoutMs) + GRACE_MS,
    logger,
  })
  const stop = async (): Promise<never> => process.exit(await supervisor.stop())
  stopOnSignal('Stopping: the workers close their connections.', stop, () => supervisor.kill())
  onHangup(() => {
    // Those that are replaced write on until they have ended.
    supervisor.reopenLogs()
    supervisor.restart()
  })
  const started = await supervisor.start()
  if (typeof started === 'number') process.exit(started)
  // Last, because whoever reads it may stop the process.
  if (metrics !== undefined) console.log(`Metrics on ${metrics.url}/metrics`)
  console.log(`${workers} workers`)
  for (const url of started) console.log(`Listening on ${url}`)
}

function requirePrimary({ workersFrom, workers }: ProcessOptions): void {
  if (cluster.isPrimary) return
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `${workersFrom} asks for ${workers} workers, but this process is one of a cluster already, as those of pm2 are: ` +
      'let one of the two start the processes.',
  )
}

/**
 * Every worker accepts from the same sockets, unless the environment says otherwise. Node's own default, that the primary
 * accepts and passes connections on, costs more for each, and does not recover when a worker has run out of descriptors.
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

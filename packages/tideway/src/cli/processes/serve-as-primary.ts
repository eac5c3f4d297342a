import { serverDefaults, type ServeOptions } from '../../server/options.ts'
import { DEFAULT_LIFESPAN_TIMEOUT_MS } from '../../server/serve.ts'
import { onHangup } from '../on-hangup.ts'
import type { ProcessOptions } from './process-options.ts'
import { mostToStopMs } from '../serve-process.ts'
import { stopOnSignal } from '../stop-on-signal.ts'
import { preparePrimary } from './prepare-primary.ts'
import { Supervisor } from './supervisor.ts'
import { WorkerProcess } from './worker-process.ts'

/** What loading an application may take before its start-up, in milliseconds. */
const LOAD_TIMEOUT_MS = 60_000
/** A worker ends itself in time; this much later something keeps it from that. */
const GRACE_MS = 2000

/** Serves by several processes, of which this is the first: it has the addresses and the workers, and no connections. */
export async function serveAsPrimary(options: ServeOptions, processes: ProcessOptions): Promise<void> {
  const { logger = serverDefaults.logger, lifespanTimeoutMs = DEFAULT_LIFESPAN_TIMEOUT_MS } = options
  const { workers } = processes
  const { role, metricsUrl } = await preparePrimary(options, processes)
  const supervisor = new Supervisor({
    workers,
    start: () => new WorkerProcess(role),
    startTimeoutMs: LOAD_TIMEOUT_MS + lifespanTimeoutMs,
    stopTimeoutMs: mostToStopMs(options, processes.exitTimeoutMs) + GRACE_MS,
    logger,
  })
  const stop = async (): Promise<never> => process.exit(await supervisor.stop())
  stopOnSignal('Shutting down gracefully…', stop, () => supervisor.kill())
  onHangup(() => {
    // Those that are replaced write on until they have ended.
    supervisor.reopenLogs()
    supervisor.restart()
  })
  const started = await supervisor.start()
  if (typeof started === 'number') process.exit(started)
  // Last, because whoever reads it may stop the process.
  if (metricsUrl !== undefined) console.log(`Metrics on ${metricsUrl}/metrics`)
  console.log(`${workers} workers`)
  for (const url of started) console.log(`Listening on ${url}`)
}

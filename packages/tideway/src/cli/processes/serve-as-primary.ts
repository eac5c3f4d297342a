import { serverDefaults, type ServeOptions } from '../../server/options.ts'
import { DEFAULT_LIFESPAN_TIMEOUT_MS } from '../../server/serve.ts'
import { onHangup } from '../on-hangup.ts'
import type { ProcessOptions } from './process-options.ts'
import { mostToStopMs } from '../serve-process.ts'
import { stopOnSignal } from '../stop-on-signal.ts'
import { preparePrimary } from './prepare-primary.ts'
import { Supervisor } from './supervisor.ts'
import { WorkerProcess } from './worker-process.ts'

/** The longest time to load an application before its startup, in milliseconds. */
const LOAD_TIMEOUT_MS = 60_000
/** The time after which a worker that did not end itself is killed, in milliseconds. */
const GRACE_MS = 2000

/** Serves with several processes. This one is the primary: it has the addresses and the workers, but no connections. */
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
  // Ctrl-C in a terminal: no other process serves the clients.
  const stop = async (signal: NodeJS.Signals): Promise<never> =>
    process.exit(await supervisor.stop(signal !== 'SIGINT'))
  stopOnSignal('Shutting down gracefully…', stop, () => supervisor.kill())
  onHangup(() => {
    // Replaced workers write to the log until they end.
    supervisor.reopenLogs()
    supervisor.restart()
  })
  const started = await supervisor.start()
  if (typeof started === 'number') process.exit(started)
  // Last, because a reader of this line may stop the process.
  if (metricsUrl !== undefined) console.log(`Metrics on ${metricsUrl}/metrics`)
  console.log(`${workers} workers`)
  for (const url of started) console.log(`Listening on ${url}`)
}

import type { ServeOptions } from '../server/options.ts'
import { applicationFile } from './application-file.ts'
import { loadApplication } from './load-application.ts'
import { onHangup } from './on-hangup.ts'
import { removeHubOfKilled } from './processes/hub-of-workers.ts'
import { serveAsPrimary } from './processes/serve-as-primary.ts'
import type { ProcessOptions } from './processes/process-options.ts'
import { shareGroups } from './processes/shared-groups.ts'
import { WorkerLink } from './processes/worker-link.ts'
import { workerRole, type WorkerRole } from './processes/worker-role.ts'
import { reloadDefaults, serveAndReload } from './reload/serve-and-reload.ts'
import { reloadTls } from './reload-tls.ts'
import { serveProcess } from './serve-process.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** Serves the application of a file, or of a folder, until a signal stops the process. */
export async function serveCommand(
  given: string | undefined,
  options: ServeOptions,
  processes: ProcessOptions,
): Promise<void> {
  const file = await applicationFile(given)
  const role = workerRole()
  if (role !== undefined) await serveAsWorker(file, options, processes, role)
  else if (processes.reload) await serveAndReload(file, options, processes)
  else if (processes.workers > 1) await serveAsPrimary(options, processes)
  else await serveAlone(file, options, processes)
}

async function serveAlone(file: string, options: ServeOptions, processes: ProcessOptions): Promise<void> {
  const { server, stop } = await serveProcess(await loadApplication(file), options, processes.exitTimeoutMs)
  // Ctrl-C in a terminal: no other process serves the clients.
  stopOnSignal('Shutting down gracefully…', (signal) => stop({ canMove: signal !== 'SIGINT' }))
  onHangup(() => {
    void processes.reopenLogs()
    if (options.tlsKey !== undefined) void reloadTls(server)
  })
  // Last, because a reader of this line may stop the process.
  if (server.metricsUrl !== undefined) console.log(`Metrics on ${server.metricsUrl}/metrics`)
  if (server.inspectorUrl !== undefined) console.log(`Inspector on ${server.inspectorUrl}`)
  for (const { url } of server.addresses) console.log(`Listening on ${url}`)
}

/** The time for the first request of connections that were accepted just before a handover, in milliseconds. */
const HANDOVER_MS = 1000
/** The same in development, where client and server are close. */
const RELOAD_HANDOVER_MS = 100

async function serveAsWorker(
  file: string,
  options: ServeOptions,
  { exitTimeoutMs, reopenLogs }: ProcessOptions,
  role: WorkerRole,
): Promise<void> {
  process.umask(role.umask)
  removeHubOfKilled(role.primaryPid, role.hub)
  const link = new WorkerLink()
  const loaded = await loadApplication(file)
  const watched = await shareGroups(loaded, role)
  const { isReloaded } = role
  const suited = isReloaded ? { ...reloadDefaults, ...options } : options
  const { server, stop } = await serveProcess(loaded, suited, exitTimeoutMs, watched)
  if (server.inspectorUrl !== undefined) console.log(`Inspector of process ${process.pid} on ${server.inspectorUrl}`)
  const handoverMs = isReloaded ? RELOAD_HANDOVER_MS : HANDOVER_MS
  link.ready(
    server.addresses.map(({ url }) => url),
    {
      stop: ({ isReplaced, canMove }) => void stop({ handoverMs: isReplaced ? handoverMs : undefined, canMove }),
      reopenLogs: () => void reopenLogs(),
    },
  )
}

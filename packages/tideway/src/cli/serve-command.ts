import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { ServeOptions } from '../server/options.ts'
import { serve, type RunningServer } from '../server/serve.ts'
import { closeUsedThreads } from '../worker/used-threads.ts'
import { watchEventLoop } from '../worker/watch-event-loop.ts'
import { loadApplication } from './load-application.ts'
import { reloadTlsOnHangUp } from './reload-tls-on-hang-up.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** What to do about an address that cannot be listened on, by the code of Node's error. */
const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there: stop it, or choose another port with --port.',
  EACCES: 'The system does not allow it: ports below 1024 are for root, choose another with --port.',
  EADDRNOTAVAIL: 'This machine has no such address: choose one that it has with --host, or 0.0.0.0 for all.',
  ENOTFOUND: 'The name of the host is not known: choose another with --host.',
}

/** Serves the application of a file until the process is told to stop. */
export async function serveCommand(file: string, options: ServeOptions): Promise<void> {
  const application = await loadApplication(file)
  const server = await listen(() => serve(application, options))
  const watch = process.env['NODE_ENV'] === 'production' ? undefined : watchEventLoop()
  const { channelLayers = {} } = application as { readonly channelLayers?: Readonly<Record<string, ChannelLayer>> }
  stopOnSignal('Stopping: closing connections.', async () => {
    await server.close()
    await closeUsedThreads()
    await Promise.all(Object.values(channelLayers).map((layer) => layer.close()))
    await watch?.stop()
  })
  if (options.tlsKey !== undefined) reloadTlsOnHangUp(server)
  // Last, because whoever reads it may stop the process.
  if (server.metricsUrl !== undefined) console.log(`Metrics on ${server.metricsUrl}/metrics`)
  for (const { url } of server.addresses) console.log(`Listening on ${url}`)
}

async function listen(start: () => Promise<RunningServer>): Promise<RunningServer> {
  try {
    return await start()
  } catch (cause) {
    const { code, syscall, address, hostname, port } = cause as SystemError
    if (syscall !== 'listen' && syscall !== 'getaddrinfo' && syscall !== 'bind') throw cause
    const what = advice[code ?? ''] ?? (cause as Error).message
    const where = `${address ?? hostname ?? 'the descriptor'}${port === undefined || port < 0 ? '' : `, port ${port}`}`
    throw new TidewayError('ERR_CANNOT_LISTEN', `Cannot listen on ${where}. ${what}`, { cause })
  }
}

/** What Node's errors say of an address; a Unix socket has the port -1. */
interface SystemError {
  readonly code?: string
  readonly syscall?: string
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
}

import type { ChannelLayer } from '../layer/channel-layer.ts'
import { serve, type RunningServer } from '../server/serve.ts'
import { loadApplication } from './load-application.ts'

/** The options of `tideway serve`. */
export interface ServeCommandOptions {
  readonly host: string
  readonly port: number
}

/** Serves the application of a file until the process is told to stop. */
export async function serveCommand(file: string, { host, port }: ServeCommandOptions): Promise<void> {
  const application = await loadApplication(file)
  const server = await serve(application, { host, port })
  console.log(`Listening on ${server.url}`)
  const { channelLayers = {} } = application as { readonly channelLayers?: Readonly<Record<string, ChannelLayer>> }
  stopOnSignal(server, Object.values(channelLayers))
}

/** The first signal ends the connections in order; the second ends the process at once. */
function stopOnSignal(server: RunningServer, layers: readonly ChannelLayer[]): void {
  const stop = async (): Promise<void> => {
    process.once('SIGINT', exitNow).once('SIGTERM', exitNow)
    console.log('Stopping: closing connections. Once more to stop at once.')
    await server.close()
    await Promise.all(layers.map((layer) => layer.close()))
    // Whatever an application left running must not keep a stopped server alive.
    process.exit(0)
  }
  let isStopping = false
  const onSignal = (): void => {
    if (isStopping) return
    isStopping = true
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal)
    stop().catch((error: unknown) => {
      console.error(error)
      process.exit(1)
    })
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}

function exitNow(): never {
  process.exit(1)
}

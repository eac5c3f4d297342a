import { resolve } from 'node:path'
import type { ServeOptions } from '../../server/options.ts'
import { onHangup } from '../on-hangup.ts'
import { preparePrimary } from '../processes/prepare-primary.ts'
import { WorkerProcess } from '../processes/worker-process.ts'
import type { ProcessOptions } from '../processes/process-options.ts'
import { stopOnSignal } from '../stop-on-signal.ts'
import { Reloader } from './reloader.ts'
import { packageFolderOf, SourceWatch } from './source-watch.ts'

/** Short drains for development, where a restart must be fast. */
export const reloadDefaults: Required<Pick<ServeOptions, 'drainWindowMs' | 'drainTimeoutMs'>> = Object.freeze({
  drainWindowMs: 0,
  drainTimeoutMs: 1000,
})

/** Serves with one worker, and replaces it when the sources of the application change. */
export async function serveAndReload(file: string, options: ServeOptions, processes: ProcessOptions): Promise<void> {
  const { role, metricsUrl } = await preparePrimary(options, processes)
  const reloader = new Reloader({ start: () => new WorkerProcess(role), say: (line) => console.log(line) })
  const folder = packageFolderOf(resolve(file))
  const load = async (): Promise<void> => {
    const urls = await reloader.load()
    for (const url of urls ?? []) console.log(`Listening on ${url}`)
  }
  const sources = await SourceWatch.start(folder, (files) => {
    console.log(`${files.slice(0, 3).join(', ')}${files.length > 3 ? ' and others' : ''} changed.`)
    void load()
  })
  stopOnSignal(
    'Shutting down gracefully…',
    async () => {
      sources.close()
      return process.exit(await reloader.stop())
    },
    () => reloader.kill(),
  )
  onHangup(() => {
    reloader.reopenLogs()
    void load()
  })
  if (metricsUrl !== undefined) console.log(`Metrics on ${metricsUrl}/metrics`)
  console.log(`Watching ${folder}`)
  await load()
}

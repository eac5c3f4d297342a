import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Logger } from '../../asgi/logger.ts'
import { clusterDirectory } from '../../layer/cluster/cluster-channel-layer.ts'
import { Rendezvous, tryConnect } from '../../layer/cluster/rendezvous.ts'

/** The hub of the layers in memory of the workers, in their primary process: its folder, or why there is none. */
export type HubOfWorkers = { readonly directory: string } | { readonly failure: string }

/** A folder without a socket may be that of a process that starts. */
const EMPTY_FOR_MS = 60_000

/**
 * Starts the hub in this process, which outlives the workers. Its folder is removed at the end of the process. Without a folder for
 * temporary files there is no hub: only a layer in memory needs it.
 */
export async function startHubOfWorkers(logger: Logger): Promise<HubOfWorkers> {
  // The name of a cluster has no slash, so this is the path of no other one.
  const prefix = `${clusterDirectory('serve')}-`
  const onLayer = (alias: string): void => {
    logger.info({}, `Channel layer "${alias}": the workers share it through this process.`)
  }
  try {
    await removeDeadHubs(prefix)
    const directory = await mkdtemp(prefix)
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    await new Rendezvous(directory, { canHost: true, listener: { onLayer } }).host()
    return { directory }
  } catch (error) {
    return { failure: (error as Error).message }
  }
}

/** Removes the folder at the end of this worker if its primary process was killed, which then has not removed it. */
export function removeHubOfKilled(primaryPid: number, hub: HubOfWorkers): void {
  if (!('directory' in hub)) return
  process.once('exit', () => {
    if (process.ppid !== primaryPid) rmSync(hub.directory, { recursive: true, force: true })
  })
}

/** Removes the folder of a hub whose process has ended. Does nothing while it runs. */
async function removeDeadHub(directory: string): Promise<void> {
  const names = await readdir(directory)
  const isAbandoned = names.length > 0 || Date.now() - (await stat(directory)).mtimeMs > EMPTY_FOR_MS
  for (const name of names) {
    const path = join(directory, name)
    const socket = await tryConnect(path)
    socket?.destroy()
    if (socket === undefined) await unlink(path)
  }
  // Fails if a socket is live.
  if (isAbandoned) await rmdir(directory)
}

/** Removes what processes have left that were killed. */
async function removeDeadHubs(prefix: string): Promise<void> {
  const names = await readdir(tmpdir())
  for (const name of names.filter((each) => each.startsWith(basename(prefix)))) {
    // The folder may be in use, be gone by now, or belong to another user.
    await removeDeadHub(join(dirname(prefix), name)).catch(() => {})
  }
}

import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Machine } from './results.ts'
import { canPin } from './server-process.ts'

/** The machine of the measurements. */
export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    isPinned: canPin,
    loadAverage: loadavg()[0]!,
  }
}

/** How many files a process may have open, when it asks for as many as it may. */
export function maxOpenFiles(): number {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })
  const limit = stdout?.trim() ?? ''
  return limit === 'unlimited' ? Infinity : Number(limit) || Infinity
}

export function machineWords({ processor, processors, memoryGiB, system, node, isPinned }: Machine): string {
  const pinning = isPinned ? 'server and load on a processor each' : 'server and load share all processors'
  return `${processors} × ${processor}, ${memoryGiB} GiB, ${system}, Node ${node.slice(1)}; ${pinning}`
}

/** A warning if the machine had other work; otherwise `undefined`. */
export function busyWords({ loadAverage, processors }: Machine): string | undefined {
  if (loadAverage < processors / 2) return undefined
  const load = `load average ${loadAverage.toFixed(1)} on ${processors} processors`
  return loadAverage < processors
    ? `The machine had other work in the minute before (${load}): trust the ratios rather than the figures.`
    : `The machine was busy with other work (${load}): no figure of this pass is worth keeping.`
}

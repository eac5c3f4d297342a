import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import type { Machine } from './results.ts'
import { canPin } from './server-process.ts'

/** What the figures were taken on. */
export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    isPinned: canPin,
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

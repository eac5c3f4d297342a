import { openSync, readSync } from 'node:fs'

/** The times of the main thread, as counted by the Linux kernel. */
interface ThreadTimes {
  readonly atMs: number
  /** Whether it runs or waits for a processor. */
  readonly isRunnable: boolean
  /** The time on a processor. */
  readonly ranMs: number
  /** The time in the queue, without the present wait. */
  readonly queuedMs: number
}

/** The longest regular time between two samples, in milliseconds. */
const LONG_MS = 50

/**
 * Returns a function that reads how long the main thread has waited for a processor, in milliseconds. Linux counts this time.
 * On other systems it is the time in which the process used no processor.
 */
export function processorWait(): () => number {
  return schedulerCount() ?? unusedTime
}

function schedulerCount(): (() => number) | undefined {
  const text = Buffer.alloc(512)
  const contentOf = (file: number): string => text.toString('latin1', 0, readSync(file, text, 0, text.length, 0))
  try {
    // The id of the main thread is that of the process.
    const [counts, state] = ['schedstat', 'stat'].map((name) => openSync(`/proc/self/task/${process.pid}/${name}`, 'r'))
    const read = (): ThreadTimes => {
      // Nanoseconds on a processor and in the queue (Documentation/scheduler/sched-stats.rst of the kernel).
      const [ran = 0, queued = 0] = contentOf(counts!).split(' ').map(Number)
      // The state follows the name of the thread in brackets, which may have brackets itself.
      const line = contentOf(state!)
      const isRunnable = line.charAt(line.lastIndexOf(')') + 2) === 'R'
      return { atMs: performance.now(), isRunnable, ranMs: ran / 1e6, queuedMs: queued / 1e6 }
    }
    let last = read()
    // A kernel without these counters writes zeros.
    if (last.ranMs === 0) return undefined
    let waitedMs = 0
    return () => {
      const next = read()
      const passedMs = next.atMs - last.atMs
      // The kernel counts a wait at its end. After a long time without a sample, as in a stopped process, only the time on a
      // processor is certain.
      const more =
        next.isRunnable || passedMs > LONG_MS ? passedMs - (next.ranMs - last.ranMs) : next.queuedMs - last.queuedMs
      waitedMs += Math.min(Math.max(more, 0), passedMs)
      last = next
      return waitedMs
    }
  } catch {
    return undefined
  }
}

function unusedTime(): number {
  const { user, system } = process.cpuUsage()
  return performance.now() - (user + system) / 1000
}

import { openSync, readSync } from 'node:fs'

/**
 * A clock that only runs while the main thread does not: the milliseconds for which it has waited for a processor. On Linux
 * the scheduler counts them. Elsewhere it is all the time for which the process used no processor.
 */
export function processorWait(): () => number {
  return schedulerCount() ?? unusedTime
}

function schedulerCount(): (() => number) | undefined {
  const text = Buffer.alloc(64)
  try {
    // The id of the main thread is that of the process. The fields are the time on a processor, the time that the thread
    // waited for one, both in nanoseconds, and a count (Documentation/scheduler/sched-stats.rst of the kernel).
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
    const read = (): number[] =>
      text
        .toString('latin1', 0, readSync(file, text, 0, text.length, 0))
        .split(' ')
        .map(Number)
    // A kernel that does not count writes zeros.
    return read()[0] === 0 ? undefined : () => read()[1]! / 1e6
  } catch {
    return undefined
  }
}

function unusedTime(): number {
  const { user, system } = process.cpuUsage()
  return performance.now() - (user + system) / 1000
}

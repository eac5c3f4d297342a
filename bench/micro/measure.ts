import { PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { setTimeout as delay } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import type { StackWork } from './stack.ts'

/** The cost of one unit of work. */
export interface Cost {
  /** Of this process's CPU, garbage collection included. */
  readonly microseconds: number
  /** Allocated on the heap: does not depend on what else the machine does. */
  readonly bytes: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const WARM_UP_ROUNDS = 30

/** The number of time slices. The cheapest one counts: the others shared the processor with other programs. */
const SLICES = 8

/** Measures a work. */
export async function measure(work: StackWork, milliseconds: number): Promise<Cost> {
  const round = await work.prepare()
  for (let i = 0; i < WARM_UP_ROUNDS; i++) await round()
  let microseconds = Infinity
  for (let slice = 0; slice < SLICES; slice++) {
    const before = process.cpuUsage()
    let rounds = 0
    for (const end = performance.now() + milliseconds / SLICES; performance.now() < end; rounds++) await round()
    const { user, system } = process.cpuUsage(before)
    microseconds = Math.min(microseconds, (user + system) / (rounds * work.count))
  }
  return { microseconds, bytes: (await allocated(round)) / work.count }
}

/** Bytes that a round allocates: the growth of the heap over rounds during which nothing was collected. */
async function allocated(round: () => Promise<void>): Promise<number> {
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  const samples: number[] = []
  for (let i = 0; i < 20; i++) {
    collectGarbage()
    await delay(5)
    collections = 0
    const before = process.memoryUsage().heapUsed
    await round()
    const after = process.memoryUsage().heapUsed
    await delay(5)
    if (collections === 0) samples.push(after - before)
  }
  observer.disconnect()
  return samples.length === 0 ? Number.NaN : samples.toSorted((a, b) => a - b)[samples.length >> 1]!
}

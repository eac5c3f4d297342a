// 50 blocking calls of 100 ms each: on 4 threads, and for comparison on the event loop itself.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

import { moduleUrl, syncToAsync, ThreadPool } from 'tideway/worker'

import * as blocking from './blocking.ts'

const CALLS = 50
const CALL_MS = 100
const THREADS = 4

/** How long the work takes, and how late timers fire during it, in milliseconds. */
async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const late = monitorEventLoopDelay({ resolution: 1 })
  late.enable()
  // Time is measured from one sample to the next: there has to be one before the work, and one after it.
  await delay(20)
  const start = performance.now()
  await work()
  const took = performance.now() - start
  await delay(20)
  late.disable()
  const ms = (ns: number): string => (ns / 1e6).toFixed(1)
  console.log(
    `${name}: ${took.toFixed(0)} ms in all; delay of the event loop p50 ${ms(late.percentile(50))} ms, ` +
      `p99 ${ms(late.percentile(99))} ms, max ${ms(late.max)} ms`,
  )
}

const pool = new ThreadPool({ maxThreads: THREADS })
const block = syncToAsync(moduleUrl<typeof blocking>('./blocking.js', import.meta.url), 'block', { pool })
const calls = (call: (ms: number) => unknown): Promise<unknown> =>
  Promise.all(Array.from({ length: CALLS }, () => call(CALL_MS)))

console.log(
  `${CALLS} blocking calls of ${CALL_MS} ms; on ${THREADS} threads that is ${(CALLS * CALL_MS) / THREADS} ms at best`,
)
await measure(`${THREADS} threads that start`, () => calls(block))
await measure(`${THREADS} threads that are there`, () => calls(block))
await measure('no thread', () => calls(blocking.block))
await pool.close()

import { setFlagsFromString, writeHeapSnapshot } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Loaded before a server whose heap is measured: node --import heap-probe.js tideway.js PORT, with a channel to its parent.

/** A request of the parent. */
export type ProbeRequest = { readonly type: 'heap' } | { readonly type: 'snapshot'; readonly file: string }

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

// V8 enlarges its table of numbers as strings, by 260 kB, when two numbers are in one slot of it.
for (let i = 0; i < 10_000; i++) String(i)

process.on('message', (request: ProbeRequest) => {
  // Twice: the second collection frees what finalizers of the first one held.
  collectGarbage()
  collectGarbage()
  if (request.type === 'heap') process.send!(process.memoryUsage().heapUsed)
  else process.send!(writeHeapSnapshot(request.file))
})

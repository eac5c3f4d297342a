import { readdirSync } from 'node:fs'

// Loaded before the server of the soak: reports its memory to its parent on request.

/** Memory of a server process, with the heap after a collection. */
export interface Holding {
  readonly residentBytes: number
  readonly heapBytes: number
  /** Of buffers beside the heap. */
  readonly externalBytes: number
  readonly descriptors: number
}

process.on('message', () => {
  globalThis.gc!()
  const { rss, heapUsed, external } = process.memoryUsage()
  const descriptors = readdirSync('/proc/self/fd').length
  process.send!({ residentBytes: rss, heapBytes: heapUsed, externalBytes: external, descriptors } satisfies Holding)
})
process.once('disconnect', () => process.exit(0))

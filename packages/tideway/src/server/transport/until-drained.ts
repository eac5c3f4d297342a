import type { Writable } from 'node:stream'

/** Resolves when a stream whose `write()` returned `false` emits `drain` or `close`. */
export function untilDrained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.removeListener('drain', done).removeListener('close', done)
      resolve()
    }
    stream.once('drain', done).once('close', done)
  })
}

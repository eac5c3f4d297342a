import type { Writable } from 'node:stream'

/** Resolves when the stream, whose `write()` has answered `false`, takes more or is gone. */
export function untilDrained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.removeListener('drain', done).removeListener('close', done)
      resolve()
    }
    stream.once('drain', done).once('close', done)
  })
}

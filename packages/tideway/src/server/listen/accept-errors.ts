import { close, open } from 'node:fs'
import type { Server } from 'node:net'
import { devNull } from 'node:os'
import type { Logger } from '../../asgi/logger.ts'

/** A server without free descriptors fails at every connection: it logs at most one line per interval. */
const REPORT_EVERY_MS = 10_000
const PROBE_EVERY_MS = 2000

/**
 * Reports connections that the server could not accept. They must not end the other connections: an `error` event without a listener
 * ends the process.
 */
export function reportAcceptErrors(server: Server, logger: Logger): void {
  let unreported = 0
  const report = limited((error: Error) => {
    logger.error({ err: error, connections: unreported }, 'The server could not accept a connection')
    unreported = 0
  })
  server.on('error', (error) => {
    unreported++
    report(error)
  })
}

/**
 * Reports that the process has no file descriptors left. libuv then accepts and closes new connections and reports nothing, so only an
 * attempt to open a file shows it. Returns a function that stops the watch.
 */
export function watchDescriptors(logger: Logger): () => void {
  const report = limited((error: Error) => {
    logger.error(
      { err: error },
      'No file descriptors are left: new connections are closed. Raise the limit (ulimit -n).',
    )
  })
  const timer = setInterval(() => {
    open(devNull, (error, descriptor) => {
      if (error === null) close(descriptor)
      else if (error.code === 'EMFILE' || error.code === 'ENFILE') report(error)
    })
  }, PROBE_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function limited(report: (error: Error) => void): (error: Error) => void {
  let reportedAt = -Infinity
  return (error) => {
    const now = performance.now()
    if (now - reportedAt < REPORT_EVERY_MS) return
    reportedAt = now
    report(error)
  }
}

import type { Server } from 'node:net'
import type { Logger } from '../../asgi/logger.ts'

/** A server out of descriptors fails at every connection that comes: one line in this time is enough. */
const REPORT_EVERY_MS = 10_000

/**
 * Reports connections that the server could not accept, as when no descriptors are left. They must not end the others:
 * an `error` event that nobody listens to ends the process.
 */
export function reportAcceptErrors(server: Server, logger: Logger): void {
  let reportedAt = -Infinity
  let unreported = 0
  server.on('error', (error) => {
    unreported++
    const now = performance.now()
    if (now - reportedAt < REPORT_EVERY_MS) return
    logger.error({ err: error, connections: unreported }, 'The server could not accept a connection')
    reportedAt = now
    unreported = 0
  })
}

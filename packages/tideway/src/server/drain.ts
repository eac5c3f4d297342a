import { closeCodes } from '../asgi/close-codes.ts'
import type { EmptyingSet } from './emptying-set.ts'

/** The subset of a connection that a drain needs. */
export interface DrainedConnection {
  shutDown(code: number, reason: string): void
  destroy(): void
}

/** The times of a drain. */
export interface DrainOptions {
  /** The period over which the connections are closed. */
  readonly windowMs: number
  /** The time from the start after which open connections are destroyed. */
  readonly timeoutMs: number
}

/** The smallest batch: the clients of a small server need not wait for each other. */
const SMALLEST_BATCH = 100
/** The shortest time between two batches. */
const SHORTEST_GAP_MS = 50
/** How long applications may take for the disconnect of connections that were destroyed at the end. */
export const DESTROY_TIMEOUT_MS = 1000

/**
 * Closes all connections with 1012 (service restart), in batches spread over the window, and waits for the end of their
 * applications. It destroys the connections that are still open after the timeout. The close reason has the period over which clients
 * should reconnect.
 */
export async function drain(connections: EmptyingSet<DrainedConnection>, options: DrainOptions): Promise<void> {
  const { timeoutMs } = options
  const reason = `server restart, spread=${options.windowMs}`
  // A client that is closed last must have time to answer.
  const windowMs = Math.min(options.windowMs, timeoutMs / 2)
  const timer = closeInBatches([...connections], windowMs, (connection) => {
    if (connections.has(connection)) connection.shutDown(closeCodes.serviceRestart, reason)
  })
  const areEnded = await connections.emptied(timeoutMs)
  clearInterval(timer)
  if (areEnded) return
  for (const connection of connections) connection.destroy()
  await connections.emptied(Math.min(timeoutMs, DESTROY_TIMEOUT_MS))
}

/** The first batch is closed at once. */
function closeInBatches<T>(all: readonly T[], windowMs: number, close: (one: T) => void): NodeJS.Timeout | undefined {
  const mostBatches = Math.max(1, Math.floor(windowMs / SHORTEST_GAP_MS))
  const batches = Math.min(mostBatches, Math.ceil(all.length / SMALLEST_BATCH))
  const size = Math.ceil(all.length / batches)
  let closed = 0
  const closeNext = (): void => {
    for (const one of all.slice(closed, closed + size)) close(one)
    closed += size
    if (closed >= all.length) clearInterval(timer)
  }
  const timer = batches > 1 ? setInterval(closeNext, windowMs / batches) : undefined
  closeNext()
  return timer
}

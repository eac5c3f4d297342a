import { closeCodes } from '../asgi/close-codes.ts'
import type { EmptyingSet } from './emptying-set.ts'

/** What a drain needs of a connection. */
export interface DrainedConnection {
  shutDown(code: number, reason: string): void
  terminate(): void
}

/** How a server says goodbye to its connections. */
export interface DrainOptions {
  /** Over how long the connections are closed, in milliseconds. */
  readonly windowMs: number
  /** After how long from the beginning the rest is cut, in milliseconds. */
  readonly timeoutMs: number
}

/** So few are closed at once, as clients of a small server need not wait for others. */
const SMALLEST_BATCH = 100
/** Batches closer together would be none. */
const SHORTEST_GAP_MS = 50
/** How long applications may take for the disconnect of connections that were cut at the end, in milliseconds. */
export const CUT_TIMEOUT_MS = 1000

/**
 * Closes all connections with 1012 (service restart), in batches spread over the window, and waits for the end of their
 * applications; what is left when the time is over is cut. The reason tells the clients over how long to come back.
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
  for (const connection of connections) connection.terminate()
  await connections.emptied(Math.min(timeoutMs, CUT_TIMEOUT_MS))
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

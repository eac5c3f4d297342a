import { closeCodes } from '../asgi/close-codes.ts'
import type { EmptyingSet } from './emptying-set.ts'

/** The subset of a connection that a drain needs. */
export interface DrainedConnection {
  /** Whether the connection has a listener for the drain: its client can move to another process. */
  readonly canMove: boolean
  /** Calls the listener. The connection is closed `withinMs` milliseconds later. */
  announceDrain(withinMs: number): void
  shutDown(code: number, reason: string): void
  destroy(): void
}

/** The times of a drain. */
export interface DrainOptions {
  /** The period over which the connections are closed. */
  readonly windowMs: number
  /** The time from the start after which open connections are destroyed. */
  readonly timeoutMs: number
  /** Whether clients that can move get the time to do so. */
  readonly canMove: boolean
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
 *
 * Connections that can move are told so instead, in batches spread over the first half of the window, and are closed at its end.
 */
export async function drain(connections: EmptyingSet<DrainedConnection>, options: DrainOptions): Promise<void> {
  const { timeoutMs } = options
  const reason = `server restart, spread=${options.windowMs}`
  // A client that is closed last must have time to answer.
  const windowMs = Math.min(options.windowMs, timeoutMs / 2)
  const close = (connection: DrainedConnection): void => {
    if (connections.has(connection)) connection.shutDown(closeCodes.serviceRestart, reason)
  }
  const all = [...connections]
  const mayMove = windowMs > 0 && options.canMove
  const moving = all.filter(({ canMove }) => mayMove && canMove)
  const others = all.filter(({ canMove }) => !(mayMove && canMove))
  const endsAt = performance.now() + windowMs
  const timers = [
    inBatches(others, windowMs, close),
    inBatches(moving, windowMs / 2, (connection) => {
      if (connections.has(connection)) connection.announceDrain(Math.round(endsAt - performance.now()))
    }),
    moving.length === 0 ? undefined : setTimeout(() => moving.forEach(close), windowMs),
  ]
  const areEnded = await connections.emptied(timeoutMs)
  for (const timer of timers) clearTimeout(timer)
  if (areEnded) return
  for (const connection of connections) connection.destroy()
  await connections.emptied(Math.min(timeoutMs, DESTROY_TIMEOUT_MS))
}

/** Calls `handle` for the first batch at once. */
function inBatches<T>(all: readonly T[], windowMs: number, handle: (one: T) => void): NodeJS.Timeout | undefined {
  if (all.length === 0) return undefined
  const mostBatches = Math.max(1, Math.floor(windowMs / SHORTEST_GAP_MS))
  const batches = Math.min(mostBatches, Math.ceil(all.length / SMALLEST_BATCH))
  const size = Math.ceil(all.length / batches)
  let handled = 0
  const handleNext = (): void => {
    for (const one of all.slice(handled, handled + size)) handle(one)
    handled += size
    if (handled >= all.length) clearInterval(timer)
  }
  const timer = batches > 1 ? setInterval(handleNext, windowMs / batches) : undefined
  handleNext()
  return timer
}

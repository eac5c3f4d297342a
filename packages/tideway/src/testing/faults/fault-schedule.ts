/** A fault that a schedule can contain. */
export type FaultKind =
  /** Ends all connections in order. */
  | 'cut'
  /** Ends all connections with a RST. */
  | 'reset'
  /** Holds every byte for up to 200 ms. */
  | 'delay'
  /** Reads nothing. */
  | 'stall'
  /** Passes 1 to 20 kB per second. */
  | 'throttle'
  /** Ends all connections and refuses new ones. */
  | 'refuse'
  /** Drops every byte of all connections. The client must notice it by its heartbeat. Not in a schedule by default. */
  | 'half-open'
  /** Kills the server, and starts it again. */
  | 'kill-server'
  /** Stops the server with SIGSTOP. */
  | 'pause-server'
  /** Kills Redis, and starts it again with its data. */
  | 'kill-redis'
  /** Stops Redis with SIGSTOP. */
  | 'pause-redis'

/** One fault of a schedule. */
export interface Fault {
  readonly kind: FaultKind
  /** The time before the fault, in milliseconds. */
  readonly waitMs: number
  /** The time until the fault ends, in milliseconds. */
  readonly holdMs: number
  /** Milliseconds of a `delay`, or bytes per second of a `throttle`. */
  readonly amount?: number
}

/** The bounds of a schedule. */
export interface FaultBounds {
  readonly kinds: readonly FaultKind[]
  readonly count: number
  readonly maxWaitMs: number
  readonly maxHoldMs: number
}

const MAX_DELAY_MS = 200
const MAX_BYTES_PER_SECOND = 20_000
const MIN_BYTES_PER_SECOND = 1000

/** Makes a schedule from random numbers. The same numbers make the same schedule. */
export function planFaults(random: () => number, { kinds, count, maxWaitMs, maxHoldMs }: FaultBounds): Fault[] {
  const below = (limit: number): number => Math.floor(random() * limit)
  return Array.from({ length: kinds.length === 0 ? 0 : count }, () => {
    const kind = kinds[below(kinds.length)]!
    const fault = { kind, waitMs: below(maxWaitMs + 1), holdMs: below(maxHoldMs + 1) }
    if (kind === 'delay') return { ...fault, amount: 1 + below(MAX_DELAY_MS) }
    if (kind !== 'throttle') return fault
    return { ...fault, amount: MIN_BYTES_PER_SECOND + below(MAX_BYTES_PER_SECOND - MIN_BYTES_PER_SECOND + 1) }
  })
}

/** Formats a fault in one line. */
export function formatFault({ kind, waitMs, holdMs, amount }: Fault): string {
  const details = amount === undefined ? '' : ` of ${amount} ${kind === 'delay' ? 'ms' : 'bytes/s'}`
  return `after ${waitMs} ms: ${kind}${details} for ${holdMs} ms`
}

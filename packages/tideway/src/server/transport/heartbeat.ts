/** Something that has to be looked at from time to time: a connection with its time-outs. */
export interface HeartbeatClient {
  /** @param now milliseconds of {@link Heartbeat.now} */
  check(now: number): void
}

/** How often everything is looked at, unless a time-out is so short that it has to be more often. */
const SWEEP_MS = 1000
const SHORTEST_SWEEP_MS = 10

/** Time stamps that a connection keeps: V8 puts whole numbers into an object, and others beside it, 16 bytes each. */
export function wholeMilliseconds(): number {
  return Math.floor(performance.now())
}

/**
 * One timer for all connections of a server: ten thousand timers, set again at each message, would cost more than the
 * messages. A time-out is late by one sweep at most.
 */
export class Heartbeat {
  readonly #clients = new Set<HeartbeatClient>()
  readonly #sweepMs: number
  #timer: NodeJS.Timeout | undefined
  /** Milliseconds on a clock that only goes forward, as of the last sweep: for time stamps that cost nothing. */
  now: number = wholeMilliseconds()

  /** @param shortestTimeoutMs the shortest time-out that is watched */
  constructor(shortestTimeoutMs: number) {
    this.#sweepMs = Math.max(SHORTEST_SWEEP_MS, Math.min(SWEEP_MS, shortestTimeoutMs / 4))
  }

  add(client: HeartbeatClient): void {
    this.#clients.add(client)
    if (this.#timer !== undefined) return
    this.now = wholeMilliseconds()
    // Timers come before what has arrived. A process that was busy, or stopped, for as long as a time-out reads first what its
    // clients have said meanwhile: it would cut those that have answered.
    this.#timer = setInterval(() => setImmediate(() => this.#sweep()), this.#sweepMs).unref()
  }

  delete(client: HeartbeatClient): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    this.now = wholeMilliseconds()
    for (const client of this.#clients) client.check(this.now)
  }
}

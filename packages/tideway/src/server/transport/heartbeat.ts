/** A connection whose timeouts are checked at each sweep. */
export interface HeartbeatClient {
  /** @param now milliseconds of {@link Heartbeat.now} */
  check(now: number): void
}

/** The interval of sweeps. A shorter timeout makes it shorter. */
const SWEEP_MS = 1000
const SHORTEST_SWEEP_MS = 10

/** A timestamp for a connection to keep. V8 stores whole numbers in the object itself, and others in 16 bytes of their own. */
export function wholeMilliseconds(): number {
  return Math.floor(performance.now())
}

/**
 * One timer for all connections of a server: ten thousand timers, restarted at each message, would cost more than the
 * messages. A timeout fires at most one sweep late.
 */
export class Heartbeat<Client extends HeartbeatClient = HeartbeatClient> {
  readonly #clients: Set<Client>
  readonly #sweepMs: number
  #timer: NodeJS.Timeout | undefined
  /** Milliseconds of a monotonic clock at the last sweep: a timestamp without a system call. */
  now: number = wholeMilliseconds()

  /**
   * @param shortestTimeoutMs the shortest timeout that the clients check
   * @param clients the set to keep the clients in, for an owner that needs it: a second set costs about 30 bytes per client
   */
  constructor(shortestTimeoutMs: number, clients: Set<Client> = new Set()) {
    this.#clients = clients
    this.#sweepMs = Math.max(SHORTEST_SWEEP_MS, Math.min(SWEEP_MS, shortestTimeoutMs / 4))
  }

  add(client: Client): void {
    this.#clients.add(client)
    if (this.#timer !== undefined) return
    this.now = wholeMilliseconds()
    // The event loop runs timers before it reads sockets. A process that was busy or stopped for a whole timeout must first read
    // what its clients have sent: otherwise it would destroy connections whose clients have answered.
    this.#timer = setInterval(() => setImmediate(() => this.#sweep()), this.#sweepMs).unref()
  }

  delete(client: Client): void {
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

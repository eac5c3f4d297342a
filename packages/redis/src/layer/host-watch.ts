import type { LayerEvents } from './layer-events.ts'

/**
 * Combines the states of the connections of one host. Emits `disconnected` when the first connection is lost, and
 * `reconnected` when all connections are back.
 */
export class HostWatch {
  readonly #host: string
  readonly #events: LayerEvents
  readonly #missed: () => void
  readonly #lost = new Map<string, { readonly receives: boolean }>()
  #gap = false
  #goneSince = 0
  #reconnects = 0
  #beaconMisses = 0

  /** @param missed is called when a receiving connection is back; messages sent during the loss are missing */
  constructor(host: string, events: LayerEvents, missed: () => void) {
    this.#host = host
    this.#events = events
    this.#missed = missed
  }

  /** The number of `reconnected` events. */
  get reconnects(): number {
    return this.#reconnects
  }

  /** The number of subscriber connections that were lost before a message of the process to itself came back. */
  get beaconMisses(): number {
    return this.#beaconMisses
  }

  beaconMissed(): void {
    this.#beaconMisses++
  }

  /** @param receives whether the connection receives messages, so that the process may miss some from now on */
  down(connection: string, receives: boolean, error: Error | undefined): void {
    if (this.#lost.size === 0) {
      this.#goneSince = performance.now()
      this.#events.emit('disconnected', { host: this.#host, error })
    }
    this.#lost.set(connection, { receives })
    this.#gap ||= receives
  }

  /** This process dropped a message: the next `reconnected` event has `gap: true`. */
  dropped(): void {
    this.#gap = true
  }

  up(connection: string): void {
    const lost = this.#lost.get(connection)
    if (lost === undefined) return
    this.#lost.delete(connection)
    if (lost.receives) this.#missed()
    if (this.#lost.size > 0) return
    this.#reconnects++
    this.#events.emit('reconnected', { host: this.#host, gap: this.#gap, downMs: performance.now() - this.#goneSince })
    this.#gap = false
  }
}

import type { LayerEvents } from './layer-events.ts'

/**
 * Turns what happens to the connections of one host into what an application wants to know: it is gone, from the first
 * connection that is lost, and it is back, when all of them are.
 */
export class HostWatch {
  readonly #host: string
  readonly #events: LayerEvents
  readonly #missed: () => void
  readonly #lost = new Map<string, { readonly receives: boolean }>()
  #gap = false
  #goneSince = 0
  #reconnects = 0

  /** @param missed is called when a connection is back that receives: what was sent at that time did not come in */
  constructor(host: string, events: LayerEvents, missed: () => void) {
    this.#host = host
    this.#events = events
    this.#missed = missed
  }

  /** How often the host came back. */
  get reconnects(): number {
    return this.#reconnects
  }

  /** @param receives whether messages come in on the connection, so that some may be missed from now on */
  down(connection: string, receives: boolean, error: Error | undefined): void {
    if (this.#lost.size === 0) {
      this.#goneSince = performance.now()
      this.#events.emit('disconnected', { host: this.#host, error })
    }
    this.#lost.set(connection, { receives })
    this.#gap ||= receives
  }

  /** This process dropped a message: the host is not back without a gap. */
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

import type { LayerEvents } from './layer-events.ts'

/**
 * Turns what happens to the connections of one host into what an application wants to know: it is gone, from the first
 * connection that is lost, and it is back, when all of them are.
 */
export class HostWatch {
  readonly #host: string
  readonly #events: LayerEvents
  readonly #lost = new Set<string>()
  #gap = false
  #goneSince = 0
  #reconnects = 0

  constructor(host: string, events: LayerEvents) {
    this.#host = host
    this.#events = events
  }

  /** How often the host came back. */
  get reconnects(): number {
    return this.#reconnects
  }

  /** @param receives whether messages come in on the connection, so that some may be missed from now on */
  down(connection: string, receives: boolean, error: Error | undefined): void {
    if (this.#lost.size === 0) {
      this.#gap = false
      this.#goneSince = performance.now()
      this.#events.emit('disconnected', { host: this.#host, error })
    }
    this.#lost.add(connection)
    this.#gap ||= receives
  }

  up(connection: string): void {
    if (!this.#lost.delete(connection) || this.#lost.size > 0) return
    this.#reconnects++
    this.#events.emit('reconnected', { host: this.#host, gap: this.#gap, downMs: performance.now() - this.#goneSince })
  }
}

import { ChannelFullError, type Delivery } from 'tideway/layer'

import { Deadlines } from '../connection/deadlines.ts'

interface Pending {
  readonly channel: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Sends of this process to its own channels. They pass through Redis like all other sends, which keeps their order, and
 * settle with their delivery when they come back.
 */
export class Acknowledgements {
  readonly #pending = new Map<number, Pending>()
  readonly #deadlines: Deadlines<number>
  #last = 0

  /** @param unanswered creates the error of a send that did not come back within `timeoutMs` */
  constructor(timeoutMs: number, unanswered: (channel: string) => Error) {
    this.#deadlines = new Deadlines(timeoutMs, (id) => this.#reject(id, unanswered))
  }

  /** Returns an id for the message, and the promise that `settle` settles by this id. */
  expect(channel: string): { readonly id: number; readonly settled: Promise<void> } {
    const id = ++this.#last
    const settled = new Promise<void>((resolve, reject) => {
      this.#pending.set(id, { channel, resolve, reject })
    })
    this.#deadlines.add(id)
    // Avoids an unhandled rejection if the send fails first.
    settled.catch(() => {})
    return { id, settled }
  }

  settle(id: number, delivery: Delivery): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.forget(id)
    if (delivery === 'full') pending.reject(new ChannelFullError(pending.channel))
    else pending.resolve()
  }

  forget(id: number): void {
    this.#deadlines.delete(id)
    this.#pending.delete(id)
  }

  /** Resolves all pending sends, because `flush` removed their messages. */
  settleAll(): void {
    for (const [id, { resolve }] of this.#pending) {
      this.#deadlines.delete(id)
      resolve()
    }
    this.#pending.clear()
  }

  /** Rejects all pending sends, because the layer closes. */
  rejectAll(error: (channel: string) => Error): void {
    this.#deadlines.close()
    for (const id of this.#pending.keys()) this.#reject(id, error)
  }

  #reject(id: number, error: (channel: string) => Error): void {
    const pending = this.#pending.get(id)
    this.forget(id)
    pending?.reject(error(pending.channel))
  }
}

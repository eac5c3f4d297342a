import { ChannelFullError, type Delivery } from 'tideway/layer'

import { Deadlines } from './deadlines.ts'

interface Pending {
  readonly channel: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Sends of this process to a channel of its own: they go through Redis like all others, to keep their order, and are
 * settled by what became of them when they came back.
 */
export class Acknowledgements {
  readonly #pending = new Map<number, Pending>()
  readonly #deadlines: Deadlines<number>
  #last = 0

  /** @param unanswered the error of a send that did not come back within `timeoutMs` */
  constructor(timeoutMs: number, unanswered: (channel: string) => Error) {
    this.#deadlines = new Deadlines(timeoutMs, (id) => this.#reject(id, unanswered))
  }

  /** A number for the message to carry, and the promise that it settles. */
  expect(channel: string): { readonly id: number; readonly settled: Promise<void> } {
    const id = ++this.#last
    const settled = new Promise<void>((resolve, reject) => {
      this.#pending.set(id, { channel, resolve, reject })
    })
    this.#deadlines.add(id)
    // Who sends may fail before this is looked at.
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

  /** Resolves everything: what it was sent for is forgotten on purpose. */
  settleAll(): void {
    for (const [id, { resolve }] of this.#pending) {
      this.#deadlines.delete(id)
      resolve()
    }
    this.#pending.clear()
  }

  /** Rejects everything: nothing comes back any more. */
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

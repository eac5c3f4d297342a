import { ChannelFullError, type Delivery } from 'tideway/layer'

interface Pending {
  readonly channel: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly sentAt: number
}

/**
 * Sends of this process to a channel of its own: they go through Redis like all others, to keep their order, and are
 * settled by what became of them when they came back.
 */
export class Acknowledgements {
  readonly #pending = new Map<number, Pending>()
  #last = 0

  /** A number for the message to carry, and the promise that it settles. */
  expect(channel: string): { readonly id: number; readonly settled: Promise<void> } {
    const id = ++this.#last
    const settled = new Promise<void>((resolve, reject) => {
      this.#pending.set(id, { channel, resolve, reject, sentAt: performance.now() })
    })
    // Who sends may fail before this is looked at.
    settled.catch(() => {})
    return { id, settled }
  }

  settle(id: number, delivery: Delivery): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    if (delivery === 'full') pending.reject(new ChannelFullError(pending.channel))
    else pending.resolve()
  }

  forget(id: number): void {
    this.#pending.delete(id)
  }

  /** Resolves everything: what it was sent for is forgotten on purpose. */
  settleAll(): void {
    for (const { resolve } of this.#pending.values()) resolve()
    this.#pending.clear()
  }

  /** Rejects what was sent longer ago than this. */
  rejectOlder(ageMs: number, error: (channel: string) => Error): void {
    const before = performance.now() - ageMs
    for (const [id, pending] of this.#pending) {
      if (pending.sentAt > before) return
      this.#pending.delete(id)
      pending.reject(error(pending.channel))
    }
  }
}

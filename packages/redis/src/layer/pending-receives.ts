/** One `receive()` that waits for a message of a general channel, or one attached receiver. */
export interface Receiver {
  readonly channel: string
  /** Whether it is an attached receiver, which receives more than one message. */
  readonly lasting: boolean
}

/**
 * The receivers of general channels in this process. Messages of general channels stay in Redis until a process requests
 * them. A process fetches only as many as it has receivers, and leaves the others to other processes.
 */
export class PendingReceives {
  readonly #receivers = new Map<string, Set<Receiver>>()

  /** The channels that have a receiver. */
  channels(): Iterable<string> {
    return this.#receivers.keys()
  }

  /** The number of receivers of the channel. */
  count(channel: string): number {
    return this.#receivers.get(channel)?.size ?? 0
  }

  add(channel: string, lasting: boolean): Receiver {
    const receiver = { channel, lasting }
    const receivers = this.#receivers.get(channel)
    if (receivers === undefined) this.#receivers.set(channel, new Set([receiver]))
    else receivers.add(receiver)
    return receiver
  }

  remove(receiver: Receiver): void {
    const receivers = this.#receivers.get(receiver.channel)
    if (receivers?.delete(receiver) === true && receivers.size === 0) this.#receivers.delete(receiver.channel)
  }

  /** Uses one receiver. Returns `false` if the channel has none. */
  take(channel: string): boolean {
    const receivers = this.#receivers.get(channel)
    if (receivers === undefined) return false
    for (const receiver of receivers) {
      if (!receiver.lasting) this.remove(receiver)
      return true
    }
    return false
  }
}

/** One `receive()` that waits for a message of a general channel, or a receiver that takes all of them. */
export interface Claim {
  readonly channel: string
  /** Whether it takes more than one message. */
  readonly lasting: boolean
}

/**
 * Who in this process waits for messages of general channels, which live in Redis until somebody asks. Only as many are
 * fetched as are asked for, so that no process hoards what another one could do.
 */
export class Demand {
  readonly #claims = new Map<string, Set<Claim>>()

  /** The channels that somebody waits at. */
  channels(): Iterable<string> {
    return this.#claims.keys()
  }

  /** How many messages of the channel are asked for. */
  of(channel: string): number {
    return this.#claims.get(channel)?.size ?? 0
  }

  add(channel: string, lasting: boolean): Claim {
    const claim = { channel, lasting }
    const claims = this.#claims.get(channel)
    if (claims === undefined) this.#claims.set(channel, new Set([claim]))
    else claims.add(claim)
    return claim
  }

  remove(claim: Claim): void {
    const claims = this.#claims.get(claim.channel)
    if (claims?.delete(claim) === true && claims.size === 0) this.#claims.delete(claim.channel)
  }

  /** Uses up one claim. `false`: nobody asks any more. */
  take(channel: string): boolean {
    const claims = this.#claims.get(channel)
    if (claims === undefined) return false
    for (const claim of claims) {
      if (!claim.lasting) this.remove(claim)
      return true
    }
    return false
  }
}

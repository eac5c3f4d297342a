/** What holds entries: a tail. */
export interface EntryHolder {
  /** Drops the oldest entry and reports the change. Returns `false` if there is none to drop. */
  dropOldest(): boolean
}

/**
 * Bounds the bytes of the entries that a process holds. Over the bound, groups without recent entries drop theirs first. A change costs
 * a constant for any number of groups (second chance, F. Corbató, "A Paging Experiment with the Multics System", 1968).
 */
export class RingBudget {
  readonly #maxBytes: number
  #bytes = 0
  /** The holders, and whether they have got another entry since it was last their turn to drop entries. */
  readonly #holders = new Map<EntryHolder, boolean>()
  /** One iterator for all turns: a new one would pass all deleted places of the map first. */
  #turns = this.#holders.entries()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The entries of the holder have grown by these bytes, or shrunk. */
  change(holder: EntryHolder, bytes: number): void {
    this.#bytes += bytes
    if (bytes <= 0) return
    this.#holders.set(holder, this.#holders.has(holder))
    while (this.#bytes > this.#maxBytes && this.#takeTurn());
  }

  /** Forgets a holder that has no entries. */
  remove(holder: EntryHolder): void {
    this.#holders.delete(holder)
  }

  /** Returns `false` if nothing can be dropped. */
  #takeTurn(): boolean {
    const { value: next, done } = this.#turns.next()
    if (done === true) {
      this.#turns = this.#holders.entries()
      return this.#holders.size > 0
    }
    // A holder has its next turn after all others.
    const [holder, isRecent] = next
    this.#holders.delete(holder)
    if (isRecent || this.#shrink(holder)) this.#holders.set(holder, false)
    return true
  }

  /** Returns `false` if the holder has no more entries to drop. */
  #shrink(holder: EntryHolder): boolean {
    while (this.#bytes > this.#maxBytes) if (!holder.dropOldest()) return false
    return true
  }
}

/** What clients have received of what they should have. All but `unknown` are numbers of messages that one client should get. */
export interface Counts {
  readonly expected: number
  /** Messages that arrived, each counted once. */
  readonly delivered: number
  readonly duplicates: number
  readonly outOfOrder: number
  /** Lost, and the client got a notice of the server that something may be missing. */
  readonly lostAndTold: number
  readonly lostAndNotTold: number
  /** Arrived, but never published. */
  readonly unknown: number
}

export const noCounts: Counts = {
  expected: 0,
  delivered: 0,
  duplicates: 0,
  outOfOrder: 0,
  lostAndTold: 0,
  lostAndNotTold: 0,
  unknown: 0,
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (total, counts) => ({
      expected: total.expected + counts.expected,
      delivered: total.delivered + counts.delivered,
      duplicates: total.duplicates + counts.duplicates,
      outOfOrder: total.outOfOrder + counts.outOfOrder,
      lostAndTold: total.lostAndTold + counts.lostAndTold,
      lostAndNotTold: total.lostAndNotTold + counts.lostAndNotTold,
      unknown: total.unknown + counts.unknown,
    }),
    noCounts,
  )
}

/** What one client has received of one room, whose messages have the numbers 1, 2, 3 and so on. */
export class Ledger {
  #highest = 0
  #duplicates = 0
  #outOfOrder = 0
  /** Whether the client got a notice since the highest number. */
  #isTold = false
  /** The numbers below the highest one that have not arrived, and whether the client got a notice of them. */
  readonly #missing = new Map<number, boolean>()

  get highest(): number {
    return this.#highest
  }

  message(n: number): void {
    if (n > this.#highest) {
      for (let missing = this.#highest + 1; missing < n; missing++) this.#missing.set(missing, this.#isTold)
      this.#highest = n
      this.#isTold = false
    } else if (this.#missing.delete(n)) this.#outOfOrder++
    else this.#duplicates++
  }

  /** The server has told the client that messages after the last one may be missing. */
  notice(): void {
    this.#isTold = true
  }

  /** The result, if messages up to this number were published. */
  counts(published: number): Counts {
    const missing = [...this.#missing].filter(([n]) => n <= published)
    const told = missing.filter(([, isTold]) => isTold).length
    const atTheEnd = Math.max(0, published - this.#highest)
    const lost = missing.length + atTheEnd
    const lostAndTold = told + (this.#isTold ? atTheEnd : 0)
    const unknown = Math.max(0, this.#highest - published - (this.#missing.size - missing.length))
    return {
      expected: published,
      delivered: published - lost,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      lostAndTold,
      lostAndNotTold: lost - lostAndTold,
      unknown,
    }
  }
}

/** The durations of one kind of operation. */
export interface Durations {
  /** For each bound in milliseconds, how many took at most so long. */
  readonly buckets: readonly (readonly [mostMs: number, count: number])[]
  readonly count: number
  readonly sumMs: number
}

/** In milliseconds: from an append to a local Redis up to the time limit of a command. */
const BOUNDS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const

/** Counts durations by their size. Counting allocates nothing. */
export class Histogram {
  /** One for each bound, and one for longer durations. */
  readonly #counts: number[] = Array.from({ length: BOUNDS.length + 1 }, () => 0)
  #sumMs = 0

  observe(ms: number): void {
    let index = 0
    while (index < BOUNDS.length && ms > BOUNDS[index]!) index++
    this.#counts[index]!++
    this.#sumMs += ms
  }

  figures(): Durations {
    let count = 0
    const buckets = BOUNDS.map((bound, index) => [bound, (count += this.#counts[index]!)] as const)
    return { buckets, count: count + this.#counts.at(-1)!, sumMs: this.#sumMs }
  }
}

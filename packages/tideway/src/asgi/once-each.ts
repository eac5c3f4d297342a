/** How many causes are reported. A client chooses some of them, so there has to be an end. */
const MAX_CAUSES = 100

/** Remembers which causes were reported, so that a log has one line for each. After 100 causes it reports no further one. */
export class OnceEach {
  readonly #causes = new Set<string>()

  /** Whether the cause is to be reported: true once for each cause. */
  isNew(cause: string): boolean {
    if (this.#causes.size >= MAX_CAUSES || this.#causes.has(cause)) return false
    this.#causes.add(cause)
    return true
  }
}

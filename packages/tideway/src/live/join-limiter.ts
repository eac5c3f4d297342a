/** Limits the joins of one connection: a bucket of `burst` joins that is refilled by `perSecond`. */
export class JoinLimiter {
  readonly #perMs: number
  readonly #burst: number
  #left: number
  #at: number

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#left = burst
    this.#at = performance.now()
  }

  /** Takes one join. Returns `false` if there is none. */
  take(): boolean {
    const now = performance.now()
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMs)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}

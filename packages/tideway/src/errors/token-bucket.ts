/** A token bucket: it fills at a rate per second up to a burst. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(perSecond: number, burst: number, now: number = performance.now()) {
    this.#perMs = perSecond / 1000
    // A burst below one token would reject everything.
    this.#burst = Math.max(1, burst)
    this.#tokens = this.#burst
    this.#filledAt = now
  }

  /** Takes tokens. Returns `false`, without taking any, if the bucket has too few. */
  take(amount: number, now: number = performance.now()): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }

  /** The time until the bucket has this many tokens if none is taken, in milliseconds. */
  msUntil(amount: number, now: number = performance.now()): number {
    return Math.max(0, (amount - this.#tokens) / this.#perMs - (now - this.#filledAt))
  }
}

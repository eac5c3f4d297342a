/** An allowance that grows by so much a second, up to a burst: over time no more than the rate, at once no more than the burst. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(perSecond: number, burstSeconds: number, now: number = performance.now()) {
    this.#perMs = perSecond / 1000
    // A burst below one would never let anything pass.
    this.#burst = Math.max(1, perSecond * burstSeconds)
    this.#tokens = this.#burst
    this.#filledAt = now
  }

  /** `false`: there is not enough, and nothing was taken. */
  take(amount: number, now: number = performance.now()): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }
}

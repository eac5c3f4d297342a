import type { Clock } from '../../../../src/layer/log/clock.ts'
import type { Random } from '../../../server/fuzz/random.ts'

/** A clock whose time passes only in `run()`: timers fire in order, and everything that follows from one is done before the next. */
export class VirtualClock implements Clock {
  readonly #random: Random
  readonly #timers: { readonly at: number; readonly order: number; readonly callback: () => void }[] = []
  #now = 0
  #order = 0

  constructor(random: Random) {
    this.#random = random
  }

  now(): number {
    return this.#now
  }

  random = (): number => this.#random.next()

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, order: this.#order++, callback }
    const timers = this.#timers
    // Kept in order. There are a few dozen at a time.
    let index = timers.length
    while (index > 0 && (timers[index - 1]!.at - timer.at || timers[index - 1]!.order - timer.order) > 0) index--
    timers.splice(index, 0, timer)
    return () => {
      const now = timers.indexOf(timer)
      if (now !== -1) timers.splice(now, 1)
    }
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Lets a time pass. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await microtasks()
    while (this.#timers.length > 0 && this.#timers[0]!.at <= end) {
      const { at, callback } = this.#timers.shift()!
      this.#now = at
      callback()
      await microtasks()
    }
    this.#now = end
  }
}

/** Resolves when no promise job is left. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

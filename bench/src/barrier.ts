/** Holds its parties until all of them have arrived, again and again. A party that ends has to leave. */
export class Barrier {
  #parties: number
  #waiting: (() => void)[] = []

  constructor(parties: number) {
    this.#parties = parties
  }

  /** Resolves when all other parties have arrived or left. */
  async arrive(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      this.#openIfComplete()
    })
  }

  /** The others no longer wait for this party. */
  leave(): void {
    this.#parties--
    this.#openIfComplete()
  }

  #openIfComplete(): void {
    if (this.#waiting.length < this.#parties) return
    for (const open of this.#waiting.splice(0)) open()
  }
}

/** A set that can be waited for until it is empty: the connections of a server that closes. */
export class EmptyingSet<T> extends Set<T> {
  #whenEmpty: (() => void)[] = []

  override delete(value: T): boolean {
    const wasThere = super.delete(value)
    if (this.size === 0) this.#tell()
    return wasThere
  }

  /** Resolves when it is empty, and `false` when the time is over before that. */
  emptied(timeoutMs: number): Promise<boolean> {
    if (this.size === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      this.#whenEmpty.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }

  #tell(): void {
    const waiting = this.#whenEmpty
    this.#whenEmpty = []
    for (const tell of waiting) tell()
  }
}

import { resolvesWithin } from '../errors/resolves-within.ts'

/** A set with a promise for its emptiness: the connections of a closing server. */
export class EmptyingSet<T> extends Set<T> {
  #whenEmpty: (() => void)[] = []

  override delete(value: T): boolean {
    const wasThere = super.delete(value)
    if (this.size === 0) this.#notify()
    return wasThere
  }

  /** Resolves with `true` when the set is empty, or with `false` after the timeout. */
  emptied(timeoutMs: number): Promise<boolean> {
    if (this.size === 0) return Promise.resolve(true)
    return resolvesWithin(new Promise<void>((resolve) => this.#whenEmpty.push(resolve)), timeoutMs)
  }

  #notify(): void {
    const callbacks = this.#whenEmpty
    this.#whenEmpty = []
    for (const callback of callbacks) callback()
  }
}

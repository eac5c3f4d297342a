/**
 * Maximum remembered detached channels, the most recent ones. Code of an ended consumer can still add its channel to a group,
 * and nothing would remove that member.
 */
export const MAX_DETACHED = 10_000

/** The names of the channels that were detached last. */
export class DetachedNames {
  readonly #names = new Set<string>()

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    if (this.#names.size >= MAX_DETACHED) {
      for (const oldest of this.#names) {
        this.#names.delete(oldest)
        break
      }
    }
    this.#names.add(name)
  }

  delete(name: string): void {
    this.#names.delete(name)
  }
}

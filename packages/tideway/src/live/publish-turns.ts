/**
 * Keeps calls for one group in their order while their arguments are validated: an async schema may take longer for the first
 * event than for the second.
 */
export class PublishTurns {
  /** By group, the last call that waits. */
  readonly #last = new Map<string, Promise<void>>()

  /** Calls `append` with the value when it is there, after the earlier calls for the group have called theirs. */
  async run<Value, Result>(
    group: string,
    value: Value | Promise<Value>,
    append: (value: Value) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#last.get(group)
    if (before === undefined && !(value instanceof Promise)) return append(value)
    let end!: () => void
    const turn = new Promise<void>((resolve) => (end = resolve))
    this.#last.set(group, turn)
    let appending: Promise<Result>
    try {
      const [settled] = await Promise.allSettled([value, before])
      if (settled.status === 'rejected') throw settled.reason
      appending = append(settled.value)
    } finally {
      end()
      if (this.#last.get(group) === turn) this.#last.delete(group)
    }
    return appending
  }
}

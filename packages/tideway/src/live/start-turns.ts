import type { ChannelLayer } from '../layer/channel-layer.ts'

/**
 * Starts calls with one key in their order while their arguments are validated: an async schema may take longer for the first call
 * than for the second. The calls run at the same time.
 */
export class StartTurns {
  /** By key, the last call that waits. */
  readonly #last = new Map<string, Promise<void>>()

  /** Whether no call waits. */
  get isIdle(): boolean {
    return this.#last.size === 0
  }

  /** Calls `start` with the value when it is there, after the earlier calls with the key have called theirs. */
  async run<Value, Result>(
    key: string,
    value: Value | Promise<Value>,
    start: (value: Value) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#last.get(key)
    if (before === undefined && !(value instanceof Promise)) return start(value)
    let end!: () => void
    const turn = new Promise<void>((resolve) => (end = resolve))
    this.#last.set(key, turn)
    let started: Promise<Result>
    try {
      const [settled] = await Promise.allSettled([value, before])
      if (settled.status === 'rejected') throw settled.reason
      started = start(settled.value)
    } finally {
      end()
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
    return started
  }
}

const turns = new WeakMap<ChannelLayer, StartTurns>()

/** The turns of the groups of a layer. */
export function turnsOf(layer: ChannelLayer): StartTurns {
  let ofLayer = turns.get(layer)
  if (ofLayer === undefined) turns.set(layer, (ofLayer = new StartTurns()))
  return ofLayer
}

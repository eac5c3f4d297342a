import { unavailable } from '../connection/redis-errors.ts'
import type { Replicated, RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'

/** The maximum number of appends of a process that wait for replicas; more are rejected. */
const MAX_REPLICATED_APPENDS = 1000

/** The appends of a process that wait for replicas, one at a time: WAIT blocks the connection, which other commands share. */
export class ReplicatedRuns {
  readonly #waitMs: number
  /** The newest run, or one that waits for its turn. */
  #newest: Promise<unknown> = Promise.resolve()
  #count = 0

  /** @param waitMs the maximum time of a wait for replicas, in milliseconds */
  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  /** Runs the script after the earlier ones, and waits until this number of replicas has its writes. */
  async run(
    engine: PubSubEngine,
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    replicas: number,
  ): Promise<Replicated> {
    if (this.#count >= MAX_REPLICATED_APPENDS) {
      throw unavailable(
        engine.label,
        `has ${MAX_REPLICATED_APPENDS} appends that wait for replicas: await earlier ones`,
      )
    }
    const wait = { replicas, waitMs: this.#waitMs }
    const run = this.#newest.then(() => engine.runReplicated(script, keys, args, wait))
    this.#newest = run.catch(() => {})
    this.#count++
    try {
      return await run
    } finally {
      this.#count--
    }
  }
}

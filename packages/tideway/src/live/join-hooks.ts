import type { Join } from './join.ts'
import type { LiveHooks } from './live-hooks.ts'
import type { LiveGroup } from './live-settings.ts'

/** The connection of hooks. */
export interface JoinHookHost {
  readonly consumer: Pick<LiveHooks, 'onJoin' | 'onLeave'>
  /** A hook has failed. */
  report(group: LiveGroup, error: unknown): void
}

/** The calls of `onJoin()` and `onLeave()` of one connection, which run one after another for each group. */
export class JoinHooks {
  readonly #host: JoinHookHost
  /** By name on the wire, the newest call that has not returned. */
  #running: Map<string, Promise<void>> | undefined

  constructor(host: JoinHookHost) {
    this.#host = host
  }

  /** The calls that have not returned. */
  get running(): Iterable<Promise<void>> {
    return this.#running?.values() ?? []
  }

  /** Calls the hook when earlier hooks of the group have returned. */
  call({ wireName, group }: Join, hook: 'onJoin' | 'onLeave'): void {
    const before = this.#running?.get(wireName)
    const called = before === undefined ? this.#result(group, hook) : before.then(() => this.#result(group, hook))
    if (called === undefined) return
    const run = called.then(() => {
      if (this.#running?.get(wireName) === run) this.#running.delete(wireName)
    })
    this.#running ??= new Map()
    this.#running.set(wireName, run)
  }

  /** Reports an error of the hook. The result never rejects. */
  #result(group: LiveGroup, hook: 'onJoin' | 'onLeave'): Promise<void> | undefined {
    const host = this.#host
    try {
      const result = host.consumer[hook](group)
      return result === undefined
        ? undefined
        : Promise.resolve(result).catch((error: unknown) => host.report(group, error))
    } catch (error) {
      host.report(group, error)
      return undefined
    }
  }
}

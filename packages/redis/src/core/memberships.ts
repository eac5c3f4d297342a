import type { Redis } from 'ioredis'

import type { RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { heartbeat } from './scripts/heartbeat.ts'
import { leave } from './scripts/leave.ts'
import { processNames } from './scripts/process-names.ts'
import { register } from './scripts/register.ts'
import { unregister } from './scripts/unregister.ts'

/** Groups written by one run of the script. */
const GROUPS_PER_RUN = 1000

/** The shortest silence after which messages of a process count as expired, in milliseconds. */
const SHORTEST_SILENCE_MS = 300

/** How long a process may be silent before messages in its queue may have expired, in milliseconds. */
export function shortestSilence(expiryMs: number): number {
  return Math.max(expiryMs, SHORTEST_SILENCE_MS)
}

/** Runs scripts on the host of the memberships. */
export type RunScript = (
  script: RedisScript,
  keys: readonly string[],
  args: readonly ScriptArgument[],
) => Promise<unknown>

export interface MembershipsOptions {
  readonly prefix: string
  readonly processName: string
  readonly groupExpiryMs: number
  /** How long a process may be silent before others remove it from its groups, in milliseconds. */
  readonly leaseMs: number
  /** How long a message waits in the queue of the process, in milliseconds. */
  readonly expiryMs: number
  /** Messages to the groups of this process were lost: it was removed from them, or its messages expired. */
  removed(): void
}

/**
 * The groups of this process on one host. The process is one member of each group, regardless of its number of local
 * members. This member is an alias: a channel name that identifies the group when a message comes back.
 */
export class Memberships {
  readonly #options: MembershipsOptions
  readonly #aliasByGroup = new Map<string, string>()
  readonly #groupByAlias = new Map<string, string>()
  readonly #processesKey: string
  readonly #processGroupsKey: string
  #refreshedAt = performance.now()
  #aliasCount = 0
  #isRegistered = false

  constructor(options: MembershipsOptions) {
    this.#options = options
    this.#processesKey = `${options.prefix}:tideway:processes`
    this.#processGroupsKey = `${options.prefix}:tideway:groups:${options.processName}`
  }

  /** The groups of this process. */
  groups(): readonly string[] {
    return [...this.#aliasByGroup.keys()]
  }

  has(group: string): boolean {
    return this.#aliasByGroup.has(group)
  }

  /** The queues of all processes of tideway that are in a group, including this one. */
  async processQueues(run: RunScript): Promise<string[]> {
    const processes = (await run(processNames, [this.#processesKey], [])) as Buffer[]
    return processes.map((name) => `specific.${name.toString('latin1')}!`)
  }

  /** The group of an alias. */
  groupOf(alias: string): string | undefined {
    return this.#groupByAlias.get(alias)
  }

  async enter(group: string, run: RunScript): Promise<void> {
    // newChannel makes no name with a period after the exclamation mark.
    const alias = `specific.${this.#options.processName}!g.${(this.#aliasCount++).toString(36)}`
    this.#aliasByGroup.set(group, alias)
    this.#groupByAlias.set(alias, group)
    try {
      await run(register, this.#keys(), this.#arguments([[group, alias]], false))
      this.#isRegistered = true
    } catch (error) {
      await this.#forget(group, alias, run).catch(() => {})
      throw error
    }
  }

  async leave(group: string, run: RunScript): Promise<void> {
    const alias = this.#aliasByGroup.get(group)
    if (alias !== undefined) await this.#forget(group, alias, run)
  }

  /** Writes all memberships again, for a Redis that may have lost them, and removes the outdated ones. */
  async restore(client: Redis): Promise<void> {
    const run: RunScript = (script, keys, args) => script.run(client, keys, args)
    const wasRemoved = await this.#renew(run)
    await this.#registerAll(true, run)
    if (wasRemoved) this.#options.removed()
  }

  /** Renews the lease. A process without groups calls it too, because it also removes the groups of dead processes. */
  async heartbeat(run: RunScript): Promise<void> {
    if (await this.#renew(run)) {
      await this.#registerAll(true, run)
      this.#options.removed()
    } else if (performance.now() - this.#refreshedAt > this.#options.groupExpiryMs / 3) {
      await this.#registerAll(false, run)
    }
  }

  /** Resolves with `true` if messages to this process were lost. */
  async #renew(run: RunScript): Promise<boolean> {
    const { prefix, processName, leaseMs, groupExpiryMs, expiryMs } = this.#options
    const silentMs = (await run(
      heartbeat,
      [this.#processesKey],
      [processName, leaseMs, `${prefix}:tideway:groups:`, `${prefix}:group:`, `${prefix}specific.`, groupExpiryMs],
    )) as number
    return this.#isRegistered && this.#aliasByGroup.size > 0 && (silentMs < 0 || silentMs > shortestSilence(expiryMs))
  }

  /** Removes all memberships in this process, without Redis. */
  clear(): void {
    this.#isRegistered = false
    this.#aliasByGroup.clear()
    this.#groupByAlias.clear()
  }

  /** Removes the process from all groups, and deletes its queues. */
  async end(queues: readonly string[], run: RunScript): Promise<void> {
    const { prefix, processName } = this.#options
    this.#isRegistered = false
    await run(unregister, [...this.#keys(), ...queues], [processName, `${prefix}:group:`])
  }

  async #forget(group: string, alias: string, run: RunScript): Promise<void> {
    if (this.#aliasByGroup.get(group) === alias) this.#aliasByGroup.delete(group)
    this.#groupByAlias.delete(alias)
    await run(leave, [`${this.#options.prefix}:group:${group}`, this.#processGroupsKey], [group, alias])
  }

  async #registerAll(onlyThese: boolean, run: RunScript): Promise<void> {
    const all = [...this.#aliasByGroup]
    this.#refreshedAt = performance.now()
    for (let start = 0; start === 0 || start < all.length; start += GROUPS_PER_RUN) {
      const groups = all.slice(start, start + GROUPS_PER_RUN)
      await run(register, this.#keys(), this.#arguments(groups, onlyThese && start === 0))
    }
    this.#isRegistered = all.length > 0
    // A group that was left during the loop has been written after its removal.
    for (const [group, alias] of all) if (this.#aliasByGroup.get(group) !== alias) await this.#forget(group, alias, run)
  }

  #keys(): string[] {
    return [this.#processesKey, this.#processGroupsKey]
  }

  #arguments(groups: readonly (readonly [group: string, alias: string])[], onlyThese: boolean): ScriptArgument[] {
    const { prefix, processName, groupExpiryMs } = this.#options
    return [processName, `${prefix}:group:`, groupExpiryMs, onlyThese ? '1' : '0', ...groups.flat()]
  }
}

import type { Redis } from 'ioredis'

import type { RedisScript, ScriptArgument } from './redis-script.ts'
import { heartbeat } from './scripts/heartbeat.ts'
import { leave } from './scripts/leave.ts'
import { processNames } from './scripts/process-names.ts'
import { register } from './scripts/register.ts'
import { unregister } from './scripts/unregister.ts'

/** Groups written by one run of a script. */
const GROUPS_A_RUN = 1000

/** Messages of a process that is silent for less than this do not count as expired, in milliseconds. */
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
  /** How long a process may be silent before others take it out of its groups, in milliseconds. */
  readonly leaseMs: number
  /** How long a message waits in the queue of the process, in milliseconds. */
  readonly expiryMs: number
  /** Messages to the groups of this process were lost: it was out of them, or silent until its messages expired. */
  removed(): void
}

/**
 * The groups that this process is in on one host. In each it is one member, however many members of the group it has: a
 * channel made for the group, whose name says on the way back which group a message is for.
 */
export class Memberships {
  readonly #options: MembershipsOptions
  readonly #tags = new Map<string, string>()
  readonly #groups = new Map<string, string>()
  readonly #processesKey: string
  readonly #notesKey: string
  #refreshedAt = performance.now()
  #tagsMade = 0
  #isRegistered = false

  constructor(options: MembershipsOptions) {
    this.#options = options
    this.#processesKey = `${options.prefix}:tideway:processes`
    this.#notesKey = `${options.prefix}:tideway:groups:${options.processName}`
  }

  /** The groups that this process is in. */
  groups(): readonly string[] {
    return [...this.#tags.keys()]
  }

  has(group: string): boolean {
    return this.#tags.has(group)
  }

  /** The queues of all processes of tideway that are in a group, this one included. */
  async processQueues(run: RunScript): Promise<string[]> {
    const processes = (await run(processNames, [this.#processesKey], [])) as Buffer[]
    return processes.map((name) => `specific.${name.toString('latin1')}!`)
  }

  /** The group that a channel of this process stands for. */
  groupOf(tag: string): string | undefined {
    return this.#groups.get(tag)
  }

  async enter(group: string, run: RunScript): Promise<void> {
    // A period, so that no name of newChannel can be the same.
    const tag = `specific.${this.#options.processName}!g.${(this.#tagsMade++).toString(36)}`
    this.#tags.set(group, tag)
    this.#groups.set(tag, group)
    try {
      await run(register, this.#keys(), this.#arguments([[group, tag]], false))
      this.#isRegistered = true
    } catch (error) {
      await this.#forget(group, tag, run).catch(() => {})
      throw error
    }
  }

  async leave(group: string, run: RunScript): Promise<void> {
    const tag = this.#tags.get(group)
    if (tag !== undefined) await this.#forget(group, tag, run)
  }

  /** Writes all of it again, for a Redis that may have lost it, and removes what Redis has in addition. */
  async restore(client: Redis): Promise<void> {
    const run: RunScript = (script, keys, args) => script.run(client, keys, args)
    const wasRemoved = await this.#renew(run)
    await this.#registerAll(true, run)
    if (wasRemoved) this.#options.removed()
  }

  /** Renews the lease, also of a process without groups, so that what others left is removed. */
  async beat(run: RunScript): Promise<void> {
    if (await this.#renew(run)) {
      await this.#registerAll(true, run)
      this.#options.removed()
    } else if (performance.now() - this.#refreshedAt > this.#options.groupExpiryMs / 3) {
      await this.#registerAll(false, run)
    }
  }

  /** `true`: messages to this process were lost. */
  async #renew(run: RunScript): Promise<boolean> {
    const { prefix, processName, leaseMs, groupExpiryMs, expiryMs } = this.#options
    const silentMs = (await run(
      heartbeat,
      [this.#processesKey],
      [processName, leaseMs, `${prefix}:tideway:groups:`, `${prefix}:group:`, `${prefix}specific.`, groupExpiryMs],
    )) as number
    return this.#isRegistered && this.#tags.size > 0 && (silentMs < 0 || silentMs > shortestSilence(expiryMs))
  }

  /** Forgets all of it here. */
  clear(): void {
    this.#isRegistered = false
    this.#tags.clear()
    this.#groups.clear()
  }

  /** Takes the process out of everything, with its queues. */
  async end(queues: readonly string[], run: RunScript): Promise<void> {
    const { prefix, processName } = this.#options
    this.#isRegistered = false
    await run(unregister, [...this.#keys(), ...queues], [processName, `${prefix}:group:`])
  }

  async #forget(group: string, tag: string, run: RunScript): Promise<void> {
    if (this.#tags.get(group) === tag) this.#tags.delete(group)
    this.#groups.delete(tag)
    await run(leave, [`${this.#options.prefix}:group:${group}`, this.#notesKey], [group, tag])
  }

  async #registerAll(onlyThese: boolean, run: RunScript): Promise<void> {
    const all = [...this.#tags]
    this.#refreshedAt = performance.now()
    for (let start = 0; start === 0 || start < all.length; start += GROUPS_A_RUN) {
      const groups = all.slice(start, start + GROUPS_A_RUN)
      await run(register, this.#keys(), this.#arguments(groups, onlyThese && start === 0))
    }
    this.#isRegistered = all.length > 0
    // What was left meanwhile has been written after it was removed.
    for (const [group, tag] of all) if (this.#tags.get(group) !== tag) await this.#forget(group, tag, run)
  }

  #keys(): string[] {
    return [this.#processesKey, this.#notesKey]
  }

  #arguments(groups: readonly (readonly [group: string, tag: string])[], onlyThese: boolean): ScriptArgument[] {
    const { prefix, processName, groupExpiryMs } = this.#options
    return [processName, `${prefix}:group:`, groupExpiryMs, onlyThese ? '1' : '0', ...groups.flat()]
  }
}

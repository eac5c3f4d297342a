import {
  leftBody,
  parsePresenceEntry,
  presenceHistory,
  presenceLogOf,
  presentBody,
  type AnnounceOptions,
  type BeatOptions,
  type DeadProcess,
  type KeepLeftOptions,
  type LeftPerson,
  type PresenceBeat,
  type PresenceLeave,
  type PresenceSnapshot,
  type PresenceStore,
  type PresenceWrite,
  type PresentPerson,
  type SweepOptions,
} from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import { unavailable } from '../connection/redis-errors.ts'
import type { RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { literalPattern } from '../connection/remove-keys.ts'
import { newEpoch } from '../log/epochs.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'
import { announce } from './scripts/announce.ts'
import { beat } from './scripts/beat.ts'
import { bury } from './scripts/bury.ts'
import { enter } from './scripts/enter.ts'
import { leave } from './scripts/leave.ts'
import { retire } from './scripts/retire.ts'
import { settle } from './scripts/settle.ts'
import { sweep } from './scripts/sweep.ts'
import { who } from './scripts/who.ts'

/** The hash tag of the keys of leases: one slot of a cluster, on one host. */
const LEASES = '{presence}'

/** What a store shares with the log of its layer. */
export interface RedisPresenceOptions {
  readonly prefix: string
  /** Encrypts the metas of people. Their keys are not encrypted. */
  readonly codec: MessageCodec
  /** Returns the Redis of a key. */
  engineOf(key: string): PubSubEngine
  /** Runs a script, and explains its errors. */
  run(
    engine: PubSubEngine,
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<unknown>
}

/**
 * Presence in Redis. The people of a group have the same hash tag as its log of changes, so that one script changes both. The leases
 * of all processes are on one host.
 */
export class RedisPresenceStore implements PresenceStore {
  readonly #options: RedisPresenceOptions

  constructor(options: RedisPresenceOptions) {
    this.#options = options
  }

  async announce(process: string, groups: readonly string[], { leaseMs, isNew }: AnnounceOptions): Promise<boolean> {
    const args = [process, leaseMs, isNew ? '1' : '0', ...groups]
    return (await this.#runOnLeases(announce, [this.#leases, this.#announced(process)], args)) === 1
  }

  async enter(group: string, process: string, writes: readonly PresenceWrite[]): Promise<void> {
    const { codec } = this.#options
    const args = writes.flatMap((write) => [
      write.kind,
      write.member,
      write.key,
      codec.encodeText(presentBody('in', write)),
      codec.encodeText(presentBody('up', write)),
      codec.encodeText(leftBody(write.key)),
    ])
    await this.#runOnGroup(enter, group, process, args)
  }

  async leave(
    group: string,
    process: string,
    members: readonly number[] = [],
    { keepMs = 0 }: KeepLeftOptions = {},
  ): Promise<PresenceLeave> {
    const reply = await this.#runOnGroup(leave, group, process, [keepMs, ...members])
    const [hasMore, hasKept, ...fields] = reply as [number, number, ...Buffer[]]
    const left: LeftPerson[] = []
    for (let index = 0; index < fields.length; index += 2) {
      const member = Number(fields[index]!.toString('latin1'))
      left.push({ member, ...this.#person(group, fields[index + 1]!) })
    }
    return { hasMore: hasMore === 1, hasKept: hasKept === 1, left }
  }

  async settle(group: string, process: string, members: readonly number[]): Promise<void> {
    const { log, left } = this.#keys(group)
    await this.#options.run(this.#options.engineOf(log), settle, [`${left}:${process}`], members)
  }

  async beat(process: string, { leaseMs, without }: BeatOptions): Promise<PresenceBeat> {
    const keys = [this.#leases, this.#announced(process)]
    const [isKnown, now] = (await this.#runOnLeases(beat, keys, [process, leaseMs, ...without])) as [number, number]
    return { isKnown: isKnown === 1, now }
  }

  async retire(process: string, remainingMs: number): Promise<void> {
    await this.#runOnLeases(retire, [this.#leases], [process, remainingMs])
  }

  async sweep({ retryMs, suspects }: SweepOptions): Promise<readonly DeadProcess[]> {
    const pairs = suspects.flatMap(({ process, group }) => [process, group])
    const reply = await this.#runOnLeases(sweep, [this.#leases, this.#dead], [retryMs, this.#announced(''), ...pairs])
    const found: DeadProcess[] = []
    const fields = reply as (Buffer | Buffer[])[]
    for (let index = 0; index < fields.length; index += 2) {
      const groups = (fields[index + 1] as Buffer[]).map((group) => group.toString('latin1'))
      found.push({ process: (fields[index] as Buffer).toString('latin1'), groups })
    }
    return found
  }

  async bury(process: string): Promise<void> {
    await this.#runOnLeases(bury, [this.#dead, this.#announced(process)], [process])
  }

  async who(group: string, limit: number): Promise<PresenceSnapshot> {
    const { people, processes, log, head } = this.#keys(group)
    const args = [limit, presenceHistory.headTtlMs, newEpoch()]
    const engine = this.#options.engineOf(log)
    const reply = await this.#options.run(engine, who, [people, processes, log, head], args)
    const [epoch, offset, count, at, ...bodies] = reply as [Buffer, Buffer, number, Buffer[], ...Buffer[]]
    return {
      position: { epoch: epoch.toString('latin1'), offset: Number(offset) },
      count,
      people: bodies.map((body) => this.#person(group, body)),
      processes: at.map((process) => process.toString('latin1')),
    }
  }

  /** The patterns of all keys of presence, except those of logs. */
  keyPatterns(): string[] {
    const kinds = ['people', 'at', 'members', 'left', 'lease', 'dead', 'announced']
    return kinds.map((kind) => `${literalPattern(this.#options.prefix)}:tideway:${kind}:*`)
  }

  get #leases(): string {
    return `${this.#options.prefix}:tideway:lease:${LEASES}`
  }

  get #dead(): string {
    return `${this.#options.prefix}:tideway:dead:${LEASES}`
  }

  #announced(process: string): string {
    return `${this.#options.prefix}:tideway:announced:${LEASES}:${process}`
  }

  #keys(group: string): Record<'people' | 'processes' | 'members' | 'left' | 'log' | 'head', string> {
    const key = (kind: string): string => `${this.#options.prefix}:tideway:${kind}:{${presenceLogOf(group)}}`
    return {
      people: key('people'),
      processes: key('at'),
      members: key('members'),
      left: key('left'),
      log: key('log'),
      head: key('head'),
    }
  }

  #runOnLeases(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#options.run(this.#options.engineOf(this.#leases), script, keys, args)
  }

  #runOnGroup(script: RedisScript, group: string, process: string, args: readonly ScriptArgument[]): Promise<unknown> {
    const { people, processes, members, left, log, head } = this.#keys(group)
    const engine = this.#options.engineOf(log)
    const { size, ttlMs, headTtlMs } = presenceHistory
    const ofLog = [process, size, ttlMs, headTtlMs, engine.wireName(log), engine.publishCommand, newEpoch()]
    const keys = [people, processes, `${members}:${process}`, log, head, `${left}:${process}`]
    return this.#options.run(engine, script, keys, [...ofLog, ...args])
  }

  #person(group: string, body: Buffer): PresentPerson {
    const engine = this.#options.engineOf(this.#keys(group).log)
    try {
      const entry = parsePresenceEntry(this.#options.codec.decodeText(body))
      if (entry?.kind === 'in') return { key: entry.key, meta: JSON.stringify(entry.meta) }
    } catch (error) {
      throw unavailable(engine.label, 'has a person who is present that this process cannot decode', error)
    }
    throw unavailable(engine.label, 'has a person who is present that this version cannot read')
  }
}

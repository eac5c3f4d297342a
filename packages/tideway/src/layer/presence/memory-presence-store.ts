import type { Clock } from '../log/clock.ts'
import type { EventLog } from '../log/event-log.ts'
import { leftBody, presenceHistory, presenceLogOf, presentBody } from './presence-entry.ts'
import type {
  AnnounceOptions,
  BeatOptions,
  DeadProcess,
  KeepLeftOptions,
  LeftPerson,
  PresenceBeat,
  PresenceLeave,
  PresenceSnapshot,
  PresenceStore,
  PresenceWrite,
  SweepOptions,
} from './presence-store.ts'

interface MemoryPerson {
  members: number
  meta: string
}

interface MemoryGroup {
  readonly people: Map<string, MemoryPerson>
  /** The keys of the members, by process and member. */
  readonly processes: Map<string, Map<number, string>>
}

/** A person who has left and is not settled. */
interface KeptPerson {
  readonly person: LeftPerson
  readonly until: number
}

/** Presence in the memory of one process. Several users of one store, in tests, are like processes of one engine. */
export class MemoryPresenceStore implements PresenceStore {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #groups = new Map<string, MemoryGroup>()
  /** When the lease of a process ends. */
  readonly #leases = new Map<string, number>()
  /** When a dead process was returned. */
  readonly #dead = new Map<string, number>()
  readonly #announced = new Map<string, Set<string>>()
  /** The people who have left and are not settled, by group and process. */
  readonly #kept = new Map<string, Map<number, KeptPerson>>()

  constructor(log: EventLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  async announce(process: string, groups: readonly string[], { leaseMs, isNew }: AnnounceOptions): Promise<boolean> {
    if (!this.#leases.has(process)) {
      if (!isNew) return false
      this.#leases.set(process, this.#clock.now() + leaseMs)
    }
    for (const group of groups) this.#note(process, group)
    return true
  }

  async enter(group: string, process: string, writes: readonly PresenceWrite[]): Promise<void> {
    const { people, processes } = this.#groupOf(group)
    for (const { kind, member, key, meta } of writes) {
      const members = processes.get(process) ?? new Map<number, string>()
      const isNew = !members.has(member)
      if (isNew && kind === 'update') continue
      processes.set(process, members.set(member, key))
      const person = people.get(key) ?? { members: 0, meta }
      people.set(key, person)
      if (isNew) person.members++
      if (isNew && person.members === 1) this.#append(group, presentBody('in', { key, meta }))
      else if (kind !== 'restore' && person.meta !== meta) {
        person.meta = meta
        this.#append(group, presentBody('up', { key, meta }))
      }
    }
    this.#forgetIfEmpty(group)
  }

  async leave(
    group: string,
    process: string,
    members?: readonly number[],
    { keepMs = 0 }: KeepLeftOptions = {},
  ): Promise<PresenceLeave> {
    const { people, processes } = this.#groupOf(group)
    const ofProcess = processes.get(process) ?? new Map<number, string>()
    // A call through the hub of a cluster has null for undefined.
    if (keepMs === 0 && !Array.isArray(members)) this.#kept.delete(keptKey(group, process))
    const kept = this.#kept.get(keptKey(group, process)) ?? new Map<number, KeptPerson>()
    const left: LeftPerson[] = []
    for (const member of members ?? [...kept.keys(), ...ofProcess.keys()]) {
      const key = ofProcess.get(member)
      if (key === undefined) {
        const earlier = kept.get(member)
        if (keepMs > 0 && earlier !== undefined && earlier.until > this.#clock.now()) left.push(earlier.person)
        continue
      }
      ofProcess.delete(member)
      const person = people.get(key)!
      if (--person.members > 0) continue
      people.delete(key)
      this.#append(group, leftBody(key))
      const leaving = { member, key, meta: person.meta }
      left.push(leaving)
      if (keepMs === 0) continue
      kept.set(member, { person: leaving, until: this.#clock.now() + keepMs })
      this.#kept.set(keptKey(group, process), kept)
    }
    if (ofProcess.size === 0) processes.delete(process)
    this.#forgetIfEmpty(group)
    return { left, hasMore: false, hasKept: false }
  }

  async settle(group: string, process: string, members: readonly number[]): Promise<void> {
    const kept = this.#kept.get(keptKey(group, process))
    for (const member of members) kept?.delete(member)
    if (kept?.size === 0) this.#kept.delete(keptKey(group, process))
  }

  async beat(process: string, { leaseMs, without }: BeatOptions): Promise<PresenceBeat> {
    const now = this.#clock.now()
    const isKnown = this.#leases.has(process)
    if (isKnown) this.#leases.set(process, now + leaseMs)
    for (const group of without) this.#announced.get(process)?.delete(group)
    return { isKnown, now }
  }

  async retire(process: string, remainingMs: number): Promise<void> {
    if (this.#leases.has(process)) this.#leases.set(process, this.#clock.now() + remainingMs)
  }

  async sweep({ retryMs, suspects }: SweepOptions): Promise<readonly DeadProcess[]> {
    const now = this.#clock.now()
    for (const { process, group } of suspects) {
      if (this.#leases.has(process)) continue
      this.#note(process, group)
      if (!this.#dead.has(process)) this.#dead.set(process, -Infinity)
    }
    for (const [process, endsAt] of this.#leases) {
      if (endsAt > now) continue
      this.#leases.delete(process)
      this.#dead.set(process, -Infinity)
    }
    const found: DeadProcess[] = []
    for (const [process, returnedAt] of this.#dead) {
      if (returnedAt > now - retryMs) continue
      this.#dead.set(process, now)
      found.push({ process, groups: [...(this.#announced.get(process) ?? [])] })
    }
    return found
  }

  async bury(process: string): Promise<void> {
    this.#dead.delete(process)
    this.#announced.delete(process)
  }

  async who(group: string, limit: number): Promise<PresenceSnapshot> {
    const reading = this.#log.read(presenceLogOf(group), {
      last: 0,
      maxEntries: 1,
      maxBytes: 1,
      headTtlMs: presenceHistory.headTtlMs,
    })
    const { people, processes } = this.#groups.get(group) ?? {
      people: new Map<string, MemoryPerson>(),
      processes: new Map(),
    }
    const list = Array.from(people, ([key, { meta }]) => ({ key, meta })).slice(0, limit)
    const snapshot = { count: people.size, people: list, processes: [...processes.keys()] }
    return { position: (await reading).top, ...snapshot }
  }

  /** Forgets everything, as an engine that has lost its data. */
  clear(): void {
    for (const state of [this.#groups, this.#leases, this.#dead, this.#announced, this.#kept]) state.clear()
  }

  #note(process: string, group: string): void {
    const groups = this.#announced.get(process) ?? new Set<string>()
    this.#announced.set(process, groups.add(group))
  }

  #groupOf(group: string): MemoryGroup {
    let found = this.#groups.get(group)
    if (found === undefined) this.#groups.set(group, (found = { people: new Map(), processes: new Map() }))
    return found
  }

  #forgetIfEmpty(group: string): void {
    if (this.#groups.get(group)?.people.size === 0) this.#groups.delete(group)
  }

  /** The log in memory appends in this call. */
  #append(group: string, body: string): void {
    void this.#log.append(presenceLogOf(group), body, presenceHistory)
  }
}

/** Neither a group nor a process has a space in its name. */
function keptKey(group: string, process: string): string {
  return `${group} ${process}`
}

import type { Position } from '../log/position.ts'

/** A connection of a person to a group, as its process writes it. */
export interface PresenceWrite {
  /**
   * `enter`: the member is new; if the store has it already, nothing changes but the meta. `restore`: the store may have lost the
   * member; the meta of a person who is present stays. `update`: changes the meta of the person, if the store has the member.
   */
  readonly kind: 'enter' | 'restore' | 'update'
  /** The number of the member in its process. */
  readonly member: number
  /** The key of the person. All members with the same key are one person. */
  readonly key: string
  /** The public data of the person, as JSON. */
  readonly meta: string
}

/** A person in a group. */
export interface PresentPerson {
  readonly key: string
  /** The public data of the person, as JSON: that of the last enter or update. */
  readonly meta: string
}

/** A person who has left a group. */
export interface LeftPerson extends PresentPerson {
  /** The last member of the person, a number of the process that the call has named. */
  readonly member: number
}

/** Options of `leave`. */
export interface KeepLeftOptions {
  /**
   * Keeps the people who leave for this long, until `settle`: later calls for their members return them again. In milliseconds.
   * @default 0: each person is in one result only, and what was kept for a process is dropped by a call without members
   */
  readonly keepMs?: number | undefined
}

/** The result of `leave`. */
export interface PresenceLeave {
  /** The people whose last member this call has removed, and with `keepMs` also those of earlier calls that are not settled. */
  readonly left: readonly LeftPerson[]
  /** Whether the process has more members in the group. Only a call without `members` can return `true`. */
  readonly hasMore: boolean
  /** Whether there are more people who are not settled. Only a call without `members` can return `true`. */
  readonly hasKept: boolean
}

/** The result of `beat`. */
export interface PresenceBeat {
  /** Whether the process had its lease, which is renewed. `false` changes nothing. */
  readonly isKnown: boolean
  /** The time of the store, in milliseconds. */
  readonly now: number
}

/** The people of a group at one moment. */
export interface PresenceSnapshot {
  /** The newest position of the log of changes. The changes after it are not in the snapshot. */
  readonly position: Position
  readonly count: number
  /** At most `limit` people, in any order. */
  readonly people: readonly PresentPerson[]
  /** The processes that have members in the group. */
  readonly processes: readonly string[]
}

/** A process whose lease has ended, and the groups in which it may have members. */
export interface DeadProcess {
  readonly process: string
  readonly groups: readonly string[]
}

/** A process that has members in a group and perhaps no lease. */
export interface SuspectProcess {
  readonly process: string
  readonly group: string
}

/** Options of `announce`. */
export interface AnnounceOptions {
  readonly leaseMs: number
  /** Begins the lease of the process. Without it, a process without a lease is not announced. */
  readonly isNew: boolean
}

/** Options of `beat`. */
export interface BeatOptions {
  readonly leaseMs: number
  /** Groups in which the process has no more members. */
  readonly without: readonly string[]
}

/** Options of `sweep`. */
export interface SweepOptions {
  /** Returns a dead process again if it was returned this long ago and not buried, in milliseconds. */
  readonly retryMs: number
  /** Treats these as dead if they have no lease. */
  readonly suspects: readonly SuspectProcess[]
}

/**
 * Who is in the groups, for all processes of an engine: memory, Redis, or another one. Members belong to a process, and a process to a
 * lease, so that what a killed process leaves can be removed by any other one. Everything that has to do with time, retries and
 * connections is in the code that uses it. `docs/spec/presence.md` is the specification, `describePresenceStore` of
 * `tideway/layer/contract` its test suite.
 *
 * Every change of the people of a group is an entry of its log of changes (see `presenceLogOf`), appended in the same atomic step.
 * The caller has checked names and sizes. Calls reject with `ERR_LAYER_UNAVAILABLE` if the outcome is unknown or nothing was done.
 */
export interface PresenceStore {
  /**
   * Notes that the process may have members in these groups, before it enters them. Resolves with `false`, and notes nothing, if the
   * process has no lease and is not new.
   */
  announce(process: string, groups: readonly string[], options: AnnounceOptions): Promise<boolean>

  /** Writes members of the process. A person whose first member enters is appended as `in`, a changed meta as `up`. */
  enter(group: string, process: string, writes: readonly PresenceWrite[]): Promise<void>

  /**
   * Removes members of the process: the given ones, or all, in steps. A member that the store does not have is skipped. A person
   * whose last member leaves is appended as `out`, and is in the result of this call only, unless `keepMs` keeps it.
   */
  leave(group: string, process: string, members?: readonly number[], options?: KeepLeftOptions): Promise<PresenceLeave>

  /** Forgets people whom `leave` has kept, by the members of its result. */
  settle(group: string, process: string, members: readonly number[]): Promise<void>

  /** Renews the lease of the process: it ends `leaseMs` from now. */
  beat(process: string, options: BeatOptions): Promise<PresenceBeat>

  /** Ends the lease of the process this long from now, in milliseconds, because it stops. Its members stay until then. */
  retire(process: string, remainingMs: number): Promise<void>

  /** Takes the leases that have ended, and returns their processes: each to one caller, and again after `retryMs`. */
  sweep(options: SweepOptions): Promise<readonly DeadProcess[]>

  /** Forgets a dead process without members. */
  bury(process: string): Promise<void>

  /** Reads the people of a group, with at most `limit` of them in the list. */
  who(group: string, limit: number): Promise<PresenceSnapshot>
}

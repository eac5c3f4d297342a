import type { LostReason, Position } from './position.ts'

/** The counters of the kept groups of a layer in this process. */
export interface LogCounters {
  /** Events that `publish` has appended, without duplicates. */
  published: number
  /** Events that `publish` has not appended, because their `id` was appended before. */
  duplicates: number
  /** Events that followers got: one per follower. */
  delivered: number
  /** Volatile events that a busy follower did not get. */
  volatileDropped: number
  /** Beginnings of followers, by their result. */
  readonly resumes: Record<'continues' | 'fresh' | LostReason, number>
  /** Followers that have lost their position, by the reason. */
  readonly resets: Record<LostReason, number>
  /** Reads of the log for followers. */
  reads: number
  /** Reads of the log after a gap, for all followers of a group. */
  repairs: number
  /** Entries that these reads found. */
  repaired: number
  /** Gaps that only the sweep has found: must be 0. */
  sweepFindings: number
}

/** The statistics of the kept groups of a layer in this process. */
export interface KeptGroupsStats extends Readonly<LogCounters> {
  /** Groups with a follower in this process, or with one a short time ago. */
  readonly groups: number
  readonly followers: number
  /** Followers that have not got the newest entry. */
  readonly lagging: number
  /** How many entries the last follower is behind. */
  readonly worstLag: number
  /** The bytes of the entries that the process holds. */
  readonly ringBytes: number
}

/** Counters that are all 0. */
export function newLogCounters(): LogCounters {
  return {
    published: 0,
    duplicates: 0,
    delivered: 0,
    volatileDropped: 0,
    resumes: { continues: 0, fresh: 0, epoch: 0, ahead: 0, trimmed: 0, behind: 0 },
    resets: { epoch: 0, ahead: 0, trimmed: 0, behind: 0 },
    reads: 0,
    repairs: 0,
    repaired: 0,
    sweepFindings: 0,
  }
}

/** The counters with what the tails show now. */
export function statsOf(
  { resumes, resets, ...counters }: LogCounters,
  tails: readonly { readonly top: Position; readonly cursors: ReadonlySet<Position> }[],
  ringBytes: number,
): KeptGroupsStats {
  const lags = tails.flatMap(({ cursors, top }) =>
    Array.from(cursors, ({ offset }) => Math.max(0, top.offset - offset)),
  )
  return {
    ...counters,
    resumes: { ...resumes },
    resets: { ...resets },
    groups: tails.length,
    followers: lags.length,
    lagging: lags.filter((lag) => lag > 0).length,
    worstLag: lags.reduce((worst, lag) => Math.max(worst, lag), 0),
    ringBytes,
  }
}

import { Histogram, type Durations } from './histogram.ts'
import type { PresenceStats } from '../presence/presence.ts'
import type { LostReason, Position } from './position.ts'

/** The counters of the kept groups of a layer in this process. */
export interface LogCounters {
  /** Events that `publish` has appended, without duplicates. */
  published: number
  /** Events that `publish` has not appended, because their `id` was appended before. */
  duplicates: number
  /** Events that followers got: one per follower. */
  delivered: number
  /** Events of these that followers got later, from what the process holds or from a read of the log. */
  readonly replayed: { ring: number; log: number }
  /** Volatile events that a busy follower did not get. */
  volatileDropped: number
  /** Messages of programs without kept groups, such as Django, that followers got as volatile events: one per message. */
  foreign: number
  /** Beginnings of followers, by their result. */
  readonly resumes: Record<'continues' | 'fresh' | LostReason, number>
  /** Followers that have lost their position, by the reason. */
  readonly resets: Record<LostReason, number>
  /** Epochs that began in followed groups. Redis restarted, failed over or lost data. */
  epochs: number
  /** Reads of the log for followers. */
  reads: number
  /** Reads of the log after a gap, for all followers of a group. */
  repairs: number
  /** Entries that these reads found. */
  repaired: number
  /** Gaps that only the sweep has found: must be 0. */
  sweepFindings: number
}

/** The durations of a layer's operations on logs. */
export class LogTimes {
  readonly publish: Histogram = new Histogram()
  readonly read: Histogram = new Histogram()
  readonly catchUp: Histogram = new Histogram()
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
  /** Publications: until the event or the change is in the log, or a volatile event is sent. */
  readonly publishTimes: Durations
  /** The reads of logs, without the wait for their turn. */
  readonly readTimes: Durations
  /** From the time when a follower needs entries that the process does not hold until it has them. */
  readonly catchUpTimes: Durations
  /** `undefined` if the log of the layer has no presence. */
  readonly presence?: PresenceStats | undefined
}

/** Counters that are all 0. */
export function newLogCounters(): LogCounters {
  return {
    published: 0,
    duplicates: 0,
    delivered: 0,
    replayed: { ring: 0, log: 0 },
    volatileDropped: 0,
    foreign: 0,
    resumes: { continues: 0, fresh: 0, epoch: 0, ahead: 0, trimmed: 0, behind: 0 },
    resets: { epoch: 0, ahead: 0, trimmed: 0, behind: 0 },
    epochs: 0,
    reads: 0,
    repairs: 0,
    repaired: 0,
    sweepFindings: 0,
  }
}

/** The counters with what the tails show now. */
export function statsOf(
  { resumes, resets, replayed, ...counters }: LogCounters,
  times: LogTimes,
  tails: readonly { readonly top: Position; readonly cursors: ReadonlySet<Position> }[],
  ringBytes: number,
  presence: PresenceStats | undefined,
): KeptGroupsStats {
  const lags = tails.flatMap(({ cursors, top }) =>
    Array.from(cursors, ({ offset }) => Math.max(0, top.offset - offset)),
  )
  return {
    ...counters,
    resumes: { ...resumes },
    resets: { ...resets },
    replayed: { ...replayed },
    groups: tails.length,
    followers: lags.length,
    lagging: lags.filter((lag) => lag > 0).length,
    worstLag: lags.reduce((worst, lag) => Math.max(worst, lag), 0),
    ringBytes,
    publishTimes: times.publish.figures(),
    readTimes: times.read.figures(),
    catchUpTimes: times.catchUp.figures(),
    ...(presence !== undefined && { presence }),
  }
}

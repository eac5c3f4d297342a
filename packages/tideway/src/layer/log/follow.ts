import type { Cursor } from './cursor.ts'
import type { LogEntry } from './event-log.ts'
import type { LostReason, Position } from './position.ts'

/** Where a follower begins. */
export interface FollowOptions {
  /** The position up to which the follower has received everything. @default none: begins with the newest entries */
  readonly since?: Position | undefined
  /** How many of the newest entries come first, without `since` or if the log does not continue it. @default 0 */
  readonly last?: number | undefined
  /** Whether the group has values. @default false: it has events */
  readonly isState?: boolean | undefined
  /** How long the process keeps following the group after this follower, if that is longer than the option of the layer. @default 0 */
  readonly lingerMs?: number | undefined
}

/** The answer to a follower. */
export interface Followed {
  /** Whether the log continues `since` without a hole. `false` is never a guess. */
  readonly recovered: boolean
  /** Why not; `undefined` without `since`. */
  readonly why?: LostReason | undefined
  /** What comes next is the entry after it. */
  readonly position: Position
  /** The newest position of the log. */
  readonly top: Position
  /**
   * Only for a group with values, and only if the log does not continue `since`: the entry of each value at `position`, in
   * ascending order.
   */
  readonly values?: readonly LogEntry[] | undefined
  /** Begins to call the follower at `start()`. */
  readonly cursor: Cursor
}

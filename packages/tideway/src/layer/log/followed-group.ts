import type { Position } from './position.ts'

/** A group that the process follows. */
export interface FollowedGroup {
  readonly group: string
  /** Whether the group has values. */
  readonly isState: boolean
  readonly followers: number
  /** The newest position. */
  readonly position: Position
  /** How many entries the last follower is behind. */
  readonly lag: number
}

export function followedGroup({ group, isState, cursors, top }: FollowedTail): FollowedGroup {
  let lag = 0
  for (const { offset } of cursors) lag = Math.max(lag, top.offset - offset)
  return { group, isState, followers: cursors.size, position: { epoch: top.epoch, offset: top.offset }, lag }
}

interface FollowedTail {
  readonly group: string
  readonly isState: boolean
  readonly top: Position
  readonly cursors: ReadonlySet<Position>
}

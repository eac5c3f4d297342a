import type { SurveyedGroups } from '../../layer/log/group-survey.ts'
import type { FollowedGroup } from '../../layer/log/followed-group.ts'
import { formatPosition, type Position } from '../../layer/log/position.ts'

/** A group over all processes. */
export interface GroupRow {
  readonly group: string
  readonly followers: number
  /** The processes that follow it. */
  readonly processes: number
  /** How many events the slowest follower is behind the newest event that a process knows. */
  readonly lag: number
  /** `null` if the group was not followed before, or its log began a new epoch. */
  readonly perSecond: number | null
  readonly position: string
}

/** The groups of a survey, those with the most followers first. The rate is that since the survey before. */
export function groupRows(before: SurveyedGroups, after: SurveyedGroups, elapsedMs: number): GroupRow[] {
  const earlier = new Map([...byGroup(before)].map(([group, each]) => [group, newestOf(each)]))
  const rows = Array.from(byGroup(after), ([group, each]): GroupRow => {
    const newest = newestOf(each)
    const was = earlier.get(group)
    const lags = each.map(({ position, lag }) => lag + Math.max(0, newest.offset - position.offset))
    return {
      group,
      followers: each.reduce((sum, { followers }) => sum + followers, 0),
      processes: each.length,
      lag: Math.max(...lags),
      perSecond: was?.epoch === newest.epoch ? (1000 * (newest.offset - was.offset)) / elapsedMs : null,
      position: formatPosition(newest),
    }
  })
  return rows.toSorted((a, b) => b.followers - a.followers || (a.group < b.group ? -1 : 1))
}

function byGroup({ answers }: SurveyedGroups): Map<string, FollowedGroup[]> {
  const groups = new Map<string, FollowedGroup[]>()
  for (const followed of answers.flatMap(({ groups: each }) => each)) {
    // A process keeps a group for some seconds after its last follower.
    if (followed.followers === 0) continue
    groups.set(followed.group, [...(groups.get(followed.group) ?? []), followed])
  }
  return groups
}

function newestOf(each: readonly FollowedGroup[]): Position {
  return each.map(({ position }) => position).reduce((newest, one) => (one.offset > newest.offset ? one : newest))
}

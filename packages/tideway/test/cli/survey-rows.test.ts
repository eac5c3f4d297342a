import { describe, expect, it } from 'vitest'
import { givenName, namedGroup } from '../../src/cli/groups/named-group.ts'
import { groupRows } from '../../src/cli/groups/survey-rows.ts'
import type { FollowedGroup } from '../../src/layer/log/followed-group.ts'
import { ownFigures, type SurveyedGroups } from '../../src/layer/log/group-survey.ts'

const followed = (group: string, followers: number, epoch: string, offset: number, lag = 0): FollowedGroup => ({
  group,
  isState: false,
  followers,
  position: { epoch, offset },
  lag,
})
const survey = (...answers: readonly FollowedGroup[][]): SurveyedGroups => ({
  processes: answers.length,
  answers: answers.map((groups) => ({ process: ownFigures(), groups })),
})

describe('groupRows()', () => {
  it('adds up the processes, with the lag behind the newest of them and the rate between two surveys', () => {
    const before = survey([followed('a', 1, 'e', 10)], [followed('a', 5, 'e', 8), followed('b', 9, 'old', 1)])
    const after = survey(
      [followed('a', 1, 'e', 30, 4), followed('idle', 0, 'e', 1)],
      [followed('a', 5, 'e', 25, 2), followed('b', 9, 'new', 5), followed('c', 9, 'e', 0)],
    )
    expect(groupRows(before, after, 2000)).toEqual([
      { group: 'b', followers: 9, processes: 1, lag: 0, perSecond: null, position: 'new:5' },
      { group: 'c', followers: 9, processes: 1, lag: 0, perSecond: null, position: 'e:0' },
      { group: 'a', followers: 6, processes: 2, lag: 7, perSecond: 10, position: 'e:30' },
    ])
  })
})

describe('givenName()', () => {
  it.each([
    ['room.a_20b', 'room.a b'],
    ['room.caf_c3_a9', 'room.café'],
    ['room.lobby', 'room.lobby'],
    ['plain', 'plain'],
    ['room.a_b', 'room.a_b'],
    [`room.${'x'.repeat(49)}..${'a'.repeat(43)}`, `room.${'x'.repeat(49)}..${'a'.repeat(43)}`],
  ])('names the group %s as a command line does', (name, given) => {
    expect(givenName(name)).toBe(given)
  })

  it('is the reverse of namedGroup()', () => {
    const access = { families: new Map() } as never
    for (const given of ['room.a b', 'room.café', 'room.lobby', 'plain']) {
      expect(givenName(namedGroup(access, given).name)).toBe(given)
    }
  })
})

import type { FollowedGroup } from './followed-group.ts'

/** The kept groups that the processes follow, of one moment. */
export interface SurveyedGroups {
  /** How many processes that have followed a kept group were asked. */
  readonly processes: number
  /** The groups of each process that has answered in time. */
  readonly answers: readonly (readonly FollowedGroup[])[]
}

/** Asks the processes of an engine which kept groups they follow: an optional part of an event log. */
export interface GroupSurvey {
  /** Answers the questions of other processes with the result of the function. */
  answerWith(followed: () => readonly FollowedGroup[]): void
  /**
   * Asks all processes that have followed a kept group. Resolves when all have answered, or after `waitMs` milliseconds.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if they cannot be asked
   */
  run(waitMs: number): Promise<SurveyedGroups>
}

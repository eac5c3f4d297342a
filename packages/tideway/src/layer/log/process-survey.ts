import type { FollowedGroup } from './followed-group.ts'
import {
  mostFollowed,
  ownFigures,
  type GroupSurvey,
  type ProcessFigures,
  type SurveyedGroups,
  type SurveyOptions,
} from './group-survey.ts'

/** Asks the processes of a layer, and answers for this one. */
export class ProcessSurvey {
  readonly #survey: GroupSurvey
  #figures: () => ProcessFigures = ownFigures

  /** @param followed the groups that this process follows */
  constructor(survey: GroupSurvey, followed: () => readonly FollowedGroup[]) {
    this.#survey = survey
    survey.answerWith((maxGroups) => ({ process: this.#figures(), groups: mostFollowed(followed(), maxGroups) }))
  }

  /** Sets the figures with which this process answers, and answers from now on. */
  describeProcess(figures: () => ProcessFigures): void {
    this.#figures = figures
    this.#survey.listen()
  }

  /**
   * Asks all processes that answer. Resolves when all have answered, or after `waitMs` milliseconds.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if they cannot be asked
   */
  run(waitMs: number, options?: SurveyOptions): Promise<SurveyedGroups> {
    return this.#survey.run(waitMs, options)
  }
}

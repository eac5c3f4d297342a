import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { FollowedGroup } from './followed-group.ts'

/** A process of a survey. It has no secret, and nothing of a client. */
export interface ProcessFigures {
  /** Different for each server, and for each process without a server. */
  readonly id: string
  readonly pid: number
  readonly host: string
  readonly uptimeMs: number
  /** The version of tideway. Only of a server with an inspector, as are the next two. */
  readonly version?: string
  readonly connections?: number
  /** The 99th percentile of the delay of the event loop. */
  readonly eventLoopDelayMs?: number
}

/** The answer of one process. */
export interface SurveyAnswer {
  readonly process: ProcessFigures
  /** The kept groups that it follows, those with the most followers first. */
  readonly groups: readonly FollowedGroup[]
}

/** The bounds of a survey. */
export interface SurveyOptions {
  /** The most groups of an answer, at most 2,000. @default 2000 */
  readonly maxGroups?: number
  /** The most answers. The survey resolves when it has them. @default 1000 */
  readonly maxAnswers?: number
}

/** The processes of one moment. */
export interface SurveyedGroups {
  /** How many processes were asked. */
  readonly processes: number
  /** The answers of the processes that have answered in time. */
  readonly answers: readonly SurveyAnswer[]
}

/** Makes the answer of this process, with at most so many groups. */
export type AnswerSurvey = (maxGroups: number) => SurveyAnswer

/**
 * Asks the processes of an engine for their figures and for the kept groups that they follow: an optional part of an event log. A process
 * answers after its first kept group, or after `listen()`.
 */
export interface GroupSurvey {
  /** Answers the questions of other processes with the result of the function. */
  answerWith(answer: AnswerSurvey): void
  /** Answers from now on, also before the first kept group. */
  listen(): void
  /**
   * Asks all processes that answer. Resolves when all have answered, or after `waitMs` milliseconds.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if they cannot be asked
   */
  run(waitMs: number, options?: SurveyOptions): Promise<SurveyedGroups>
}

/** The defaults of {@link SurveyOptions}. */
export const surveyDefaults: Required<SurveyOptions> = Object.freeze({ maxGroups: 2000, maxAnswers: 1000 })

const processId = randomUUID()

/** The figures of a process without a server. */
export function ownFigures(): ProcessFigures {
  return { id: processId, pid: process.pid, host: hostname(), uptimeMs: Math.round(process.uptime() * 1000) }
}

/** The groups of an answer. */
export function mostFollowed(groups: readonly FollowedGroup[], maxGroups: number): readonly FollowedGroup[] {
  if (!(maxGroups > 0)) return []
  return groups.toSorted((a, b) => b.followers - a.followers).slice(0, Math.min(maxGroups, surveyDefaults.maxGroups))
}

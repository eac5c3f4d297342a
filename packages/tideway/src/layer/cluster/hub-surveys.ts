import { surveyDefaults, type SurveyAnswer, type SurveyedGroups, type SurveyOptions } from '../log/group-survey.ts'

/** A process that can be asked. */
export interface Surveyed {
  /** Sends the question with this id. */
  ask(id: number, maxGroups: number): void
}

interface Running {
  readonly answers: SurveyAnswer[]
  readonly missing: Set<Surveyed>
  readonly maxAnswers: number
  /** How many processes do not take part. */
  absent: number
  end(): void
}

/** Asks processes for their figures and kept groups, and collects their answers. */
export class HubSurveys {
  readonly #running = new Map<number, Running>()
  #lastId = 0

  /** Resolves when all have answered, or after `waitMs` milliseconds. */
  async run(processes: readonly Surveyed[], waitMs: number, options: SurveyOptions = {}): Promise<SurveyedGroups> {
    const { maxGroups, maxAnswers } = { ...surveyDefaults, ...options }
    const id = ++this.#lastId
    const running: Running = { answers: [], missing: new Set(processes), maxAnswers, absent: 0, end() {} }
    if (processes.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        running.end = () => {
          clearTimeout(timer)
          resolve()
        }
        this.#running.set(id, running)
        for (const process of processes) process.ask(id, maxGroups)
      })
    }
    this.#running.delete(id)
    return { processes: processes.length - running.absent, answers: running.answers }
  }

  /** Takes the answer of a process. `null`: it has followed no kept group, and does not take part. */
  take(id: number, process: Surveyed, answer: SurveyAnswer | null): void {
    const running = this.#running.get(id)
    // It is too late, or the process has answered.
    if (running?.missing.delete(process) !== true) return
    if (answer === null) running.absent++
    else if (running.answers.length < running.maxAnswers) running.answers.push(answer)
    if (running.missing.size === 0 || running.answers.length >= running.maxAnswers) running.end()
  }
}

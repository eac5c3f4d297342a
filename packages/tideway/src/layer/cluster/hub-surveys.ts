import type { FollowedGroup } from '../log/followed-group.ts'
import type { SurveyedGroups } from '../log/group-survey.ts'

/** A process that can be asked. */
export interface Surveyed {
  /** Sends the question with this id. */
  ask(id: number): void
}

interface Running {
  readonly answers: (readonly FollowedGroup[])[]
  readonly missing: Set<Surveyed>
  end(): void
}

/** Asks processes which kept groups they follow, and collects their answers. */
export class HubSurveys {
  readonly #running = new Map<number, Running>()
  #lastId = 0

  /** Resolves when all have answered, or after `waitMs` milliseconds. */
  async run(processes: readonly Surveyed[], waitMs: number): Promise<SurveyedGroups> {
    const id = ++this.#lastId
    const answers: (readonly FollowedGroup[])[] = []
    if (processes.length > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        const end = (): void => {
          clearTimeout(timer)
          resolve()
        }
        this.#running.set(id, { answers, missing: new Set(processes), end })
        for (const process of processes) process.ask(id)
      })
    }
    this.#running.delete(id)
    return { processes: processes.length, answers }
  }

  /** Takes the answer of a process. */
  take(id: number, process: Surveyed, groups: readonly FollowedGroup[]): void {
    const running = this.#running.get(id)
    // It is too late, or the process has answered.
    if (running?.missing.delete(process) !== true) return
    running.answers.push(groups)
    if (running.missing.size === 0) running.end()
  }
}

const EVERY_MS = 60_000
const MAX_GROUPS = 100

/** Limits the reports of failures: one per group and minute, of at most 100 groups. */
export class ReportLimit {
  /** When each group may be reported again, oldest first. */
  readonly #until = new Map<string, number>()

  /** Whether the failure of the group is reported. */
  allows(group: string, now: number): boolean {
    for (const [reported, until] of this.#until) {
      if (until > now) break
      this.#until.delete(reported)
    }
    if (this.#until.has(group) || this.#until.size >= MAX_GROUPS) return false
    this.#until.set(group, now + EVERY_MS)
    return true
  }
}

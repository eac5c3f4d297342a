/** What the exit code of a command says. */
export interface ExitCodes {
  /** Told to stop, and ended in order. */
  readonly stopped: 0
  /** Could not start, something failed at the end, or a second signal asked it to end at once. */
  readonly failed: 1
  /** What was to be done at the end took longer than it may. */
  readonly overdue: 3
}

/** How a command ends. 2 is left out: shells and other programs give it to wrong usage. */
export const exitCodes: ExitCodes = Object.freeze({ stopped: 0, failed: 1, overdue: 3 })

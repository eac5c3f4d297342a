/** The exit codes of a command. */
export interface ExitCodes {
  /** Stopped in order by a signal. */
  readonly stopped: 0
  /** Failed to start or to stop, or stopped at once by a second signal. */
  readonly failed: 1
  /** The shutdown exceeded its time limit. */
  readonly overdue: 3
}

/** The exit codes of commands. 2 is left out, because shells and other programs use it for wrong usage. */
export const exitCodes: ExitCodes = Object.freeze({ stopped: 0, failed: 1, overdue: 3 })

/** The options of `tideway serve` that are not options of `serve()`. */
export interface ProcessOptions {
  /** The number of processes that serve. */
  readonly workers: number
  /** The name of the flag or variable that set `workers`, for messages. */
  readonly workersFrom: string
  /** The time limit of everything after the drain, in milliseconds. */
  readonly exitTimeoutMs: number
  /** Whether the server restarts when a source file of the application changes. */
  readonly reload: boolean
  /** Opens the file of the access log again. */
  readonly reopenLogs: () => Promise<void>
}

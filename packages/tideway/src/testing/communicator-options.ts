/** The options of every communicator. */
export interface CommunicatorOptions {
  /** The time that a call waits for its event, in milliseconds. @default 1000 */
  readonly timeoutMs?: number | undefined
}

/** The default time that a call waits, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 1000

/** The default time that `receiveNothing` and `expectNothing` wait, in milliseconds. */
export const DEFAULT_SILENCE_MS = 100

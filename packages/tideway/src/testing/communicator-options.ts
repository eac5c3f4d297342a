/** Options that every communicator has. */
export interface CommunicatorOptions {
  /** How long a call waits for what it asks for, in milliseconds. @default 1000 */
  readonly timeoutMs?: number | undefined
}

/** How long a call waits unless it is told otherwise, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 1000

/** How long `receiveNothing` and `expectNothing` wait by default, in milliseconds. */
export const DEFAULT_SILENCE_MS = 100

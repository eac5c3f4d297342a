/** What the thread that watches the event loop is told when it starts. */
export interface WatchSettings {
  /** A number that the main thread counts up for as long as its event loop turns. */
  readonly beats: Int32Array
  readonly thresholdMs: number
  /** The address below which all of tideway's own modules lie. */
  readonly ownCode: string
}

/** One stretch of time for which the event loop did not turn. */
export interface Stall {
  readonly blockedMs: number
  /** What ran, such as `ChatConsumer.onChatMessage`; `undefined` when it could not be seen. */
  readonly culprit: string | undefined
  /** Where that is: address and line of what runs, as Node runs it. */
  readonly location: string | undefined
  /** What it had called, innermost first. */
  readonly stack: readonly string[]
}

/** How often the main thread counts, and the watching thread looks, in milliseconds. */
export const BEAT_MS = 20

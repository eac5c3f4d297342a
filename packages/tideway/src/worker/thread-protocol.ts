import type { PackedError } from './packed-error.ts'

/** A call that a pool sends to a thread. */
export interface ThreadCall {
  /** URL of the module. */
  readonly module: string
  /** Name of the function that it exports. */
  readonly name: string
  readonly args: readonly unknown[]
}

/** The answer of the thread. */
export type ThreadAnswer = { readonly value: unknown } | { readonly error: PackedError }

/** Settings of every thread of a pool. */
export interface ThreadSettings {
  /** The idle time before a thread runs `onThreadStop`, in milliseconds. */
  readonly idleTimeoutMs: number
  /** The `BroadcastChannel` on which the pool sends `'stop'` and each thread answers `'stopped'`. */
  readonly control: string
}

/** The longest time of `onThreadStop`, in milliseconds. */
export const STOP_TIMEOUT_MS = 5000

import type { PackedError } from './packed-error.ts'

/** What a pool asks of one of its threads. */
export interface ThreadCall {
  /** Address of the module. */
  readonly module: string
  /** Name of the function that it exports. */
  readonly name: string
  readonly args: readonly unknown[]
}

/** What the thread answers. */
export type ThreadAnswer = { readonly value: unknown } | { readonly error: PackedError }

/** What every thread of a pool is told when it starts. */
export interface ThreadSettings {
  /** How long a thread without calls waits before it runs `onThreadStop`. */
  readonly idleTimeoutMs: number
  /** The `BroadcastChannel` on which the pool says `'stop'` and the threads answer `'stopped'`. */
  readonly control: string
}

/** How long `onThreadStop` may take, in milliseconds. */
export const STOP_TIMEOUT_MS = 5000

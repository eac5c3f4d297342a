import type { HeartbeatOptions } from '../../liveness.ts'
import type { Transport } from '../../state.ts'

/**
 * The version of the messages between a tab and the worker. It is a part of the name of the worker: during a deploy, tabs with another
 * version have a worker of their own.
 */
export const portVersion = 1

/** The first message of a tab. */
export interface OpenMessage {
  readonly do: 'open'
  readonly version: number
  readonly url: string
  readonly protocols: readonly string[]
  readonly options: WorkerOptions
}

/** The options of a tab that a connection in the worker has. */
export interface WorkerOptions {
  readonly transports?: readonly Transport[]
  readonly upgradeAfterMs?: number
  readonly connectTimeoutMs: number
  readonly heartbeat: false | Required<HeartbeatOptions>
}

/** A message of a tab. */
export type TabMessage =
  | OpenMessage
  | { readonly do: 'send'; readonly data: string }
  /** The tab still runs. */
  | { readonly do: 'live' }
  | { readonly do: 'close' }

/** A message of the worker. */
export type WorkerMessage =
  /** The worker has the same version. */
  | { readonly do: 'accept'; readonly version: number }
  | { readonly do: 'open'; readonly transport: Transport }
  | { readonly do: 'message'; readonly data: string }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }

/** The interval in which a tab tells that it still runs. Browsers delay it to a minute in a hidden tab. */
export const liveIntervalMs = 20_000
/** The silence after which the worker gives up a tab. A tab that runs again later connects again. */
export const deadAfterMs = 180_000

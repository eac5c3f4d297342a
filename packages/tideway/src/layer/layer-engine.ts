import type { ChannelLayerStats, GroupSendOptions, Message } from './channel-layer.ts'
import type { LocalChannels } from './local-channels.ts'
import type { FullEventLog } from './log/relay-log.ts'

/** What an engine uses of its layer. */
export interface EngineSide {
  /** The part of the channel names of this process between the prefix and the `!`. */
  readonly processName: string
  /** The channels and groups of this process. */
  readonly local: LocalChannels
  /** How long a message waits for a receiver, in milliseconds. */
  readonly expiryMs: number
  /** How long a channel without a receiver stays in a group, in milliseconds. */
  readonly groupExpiryMs: number
  capacityOf(channel: string): number
}

/** Connects an `InMemoryChannelLayer` with the layers of other processes. */
export interface LayerEngine {
  /** The logs that all processes share. */
  readonly log: FullEventLog
  /** Sends to a channel of another process, or to a general channel. */
  send(channel: string, message: Message): Promise<void>
  /** Sends to the members in other processes. The promise resolves when the sender may continue; `undefined`: at once. */
  groupSend(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> | undefined
  /** Whether a `receive()` waits for a message of the general channel, or a receiver is attached to it, may have changed. */
  receiversChanged(channel: string): void
  groupEntered(group: string): Promise<void>
  groupLeft(group: string): void
  flush(): Promise<void>
  close(): Promise<void>
  stats(): Pick<ChannelLayerStats, 'reconnects' | 'gaps'>
  /** Resolves when the engine is usable. */
  ready(): Promise<void>
  /** The log of a kept group cannot be read. */
  readFailed(group: string, error: unknown): void
}

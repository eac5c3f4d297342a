import type { KeptGroups } from './log/kept-groups.ts'
import type { KeptGroupsStats } from './log/log-stats.ts'

/**
 * A message of a channel layer: a `type`, and null, booleans, numbers, strings, bytes (`Uint8Array`), 64-bit integers
 * (`bigint`), arrays and plain objects of these. Received messages are shared and frozen.
 */
export interface Message {
  readonly type: string
  readonly [key: string]: unknown
}

/** The outcome of one message at one receiver. */
export type Delivery =
  /** Handled or queued. */
  | 'delivered'
  /** Dropped: the receiver's queue is at its capacity. */
  | 'full'
  /** Dropped: the receiver has no handler for the type. */
  | 'unhandled'

/** Receives the messages of one channel: a consumer, or the queue behind `receive()`. */
export interface ChannelReceiver {
  /** Handles or queues one message. Should not throw: the error would reach the sender. */
  deliver(message: Message): Delivery
}

/** Options of `groupSend`. */
export interface GroupSendOptions {
  /** Channels of the group that do not get the message, usually the sender's own. @default none */
  readonly except?: string | readonly string[] | undefined
}

/** Options of `receive`. */
export interface ReceiveOptions {
  /** Rejects the promise with the signal's reason. No message is lost. */
  readonly signal?: AbortSignal | undefined
}

/** Why a message was dropped. */
export type DropReason =
  /** The queue of the receiver was at its capacity. */
  | 'full'
  /** No receiver took it within `expiry`. */
  | 'expired'
  /** The receiver has no handler for its type. */
  | 'unhandled'
  /** The engine behind the layer was unreachable. */
  | 'unavailable'
  /** It came from another process and cannot be read: another serializer, another key, or not a message. */
  | 'malformed'

/** The counters of a layer in this process since it was made. */
export interface ChannelLayerStats {
  /** Messages that receivers of this process took, attached or by `receive()`: one per receiver. */
  readonly delivered: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Channels of this process that have a receiver or a queue. */
  readonly channels: number
  /** Groups with at least one member in this process. */
  readonly groups: number
  /** Sends that are queued in this process and not yet handed to their receivers, at this moment. */
  readonly waitingSends: number
  /** How often the layer reconnected to its engine. 0 for a layer without one. */
  readonly reconnects: number
  /** How often the layer reported that members of groups missed messages. 0 for a layer without an engine. */
  readonly gaps: number
  /** How often a connection to the engine answered and delivered nothing, and was replaced. 0 for a layer without an engine. */
  readonly beaconMisses: number
  /** The statistics of kept groups. `undefined` for a layer without them. */
  readonly keptGroups?: KeptGroupsStats | undefined
}

/** One result of a check before a deployment. */
export interface LayerFinding {
  /** The name of the check: `redis-version`. */
  readonly check: string
  /** `problem`: it does not work, or loses messages; `warning`: it may. */
  readonly level: 'ok' | 'warning' | 'problem'
  /** The result, as a sentence. */
  readonly found: string
  /** The advice, as a sentence. */
  readonly advice?: string | undefined
}

/**
 * Carries messages between the consumers of one process or of many. Delivery is at most once; order is kept for one
 * sender and one receiver. `docs/spec/channel-layer.md` is the specification, `describeChannelLayer` of
 * `tideway/layer/contract` its test suite.
 */
export interface ChannelLayer {
  /**
   * Whether messages stay within this process, so that a second process of the application would have groups of its own.
   * `tideway serve --workers` checks it. @default false
   */
  readonly isLocal?: boolean

  /** The kept groups of the layer: their logs and followers. `undefined` for a layer that has none. */
  readonly keptGroups?: KeptGroups | undefined

  /**
   * Returns a name for a new channel of this process, at most 100 characters. The layer keeps nothing for it until it is
   * attached, received from, or sent to. The name should be random, so that it cannot be guessed. It is not a secret: messages
   * and logs contain it.
   * @param prefix the part before the process's name. Default `"specific"`.
   */
  newChannel(prefix?: string): string

  /** The maximum of queued messages of the channel: `channelCapacity`, or `capacity`. */
  capacityOf(channel: string): number

  /**
   * Attaches a receiver to a channel of this process. It gets the queued messages first.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` if the channel has a receiver
   */
  attach(channel: string, receiver: ChannelReceiver): void

  /** Detaches the receiver of the channel and removes the channel from every group. */
  detach(channel: string): Promise<void>

  /**
   * Sends one message to one channel.
   * @throws ChannelFullError if the receiver is at its capacity
   * @throws MessageTooLargeError if the message is over `maxMessageBytes`
   */
  send(channel: string, message: Message): Promise<void>

  /**
   * Returns the next message of a channel, for workers and tests. Consumers attach instead.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` if a receiver is attached to the channel
   */
  receive(channel: string, options?: ReceiveOptions): Promise<Message>

  /**
   * Adds the channel to the group. Adding it again has no effect, nor has adding a detached channel of this process: its
   * consumer has ended, and nothing would remove it.
   */
  groupAdd(group: string, channel: string): Promise<void>

  /** Removes the channel from the group. Has no effect if it is not a member. */
  groupDiscard(group: string, channel: string): Promise<void>

  /**
   * Sends one message to every channel of the group. A full member does not get it, which is counted.
   * @throws MessageTooLargeError if the message is over `maxMessageBytes`
   */
  groupSend(group: string, message: Message, options?: GroupSendOptions): Promise<void>

  /** Deletes every group and every queued message. Receivers stay attached; pending `receive()` calls keep waiting. */
  flush(): Promise<void>

  /**
   * Closes the layer: leaves every group, rejects pending calls, and disconnects from the engine. Later calls reject with
   * `ERR_LAYER_CLOSED`, except `close` and `detach`.
   */
  close(): Promise<void>

  /**
   * The call for the channel that waits for the engine: `groupAdd()`. Returns `undefined` if none waits. The server names it
   * if a handshake is not answered in time.
   */
  pendingCallOf?(channel: string): string | undefined

  /** The counters of the layer in this process since it was made. */
  stats(): ChannelLayerStats

  /**
   * Connects the layer if necessary, and resolves when it is usable. Optional: for programs that prefer to fail at startup
   * instead of at their first message.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the engine cannot be used as configured
   */
  ready?(): Promise<void>

  /**
   * Checks the engine of the layer before a deployment: whether it is reachable, its version, settings and clock. A problem is
   * a finding, not an error. `tideway doctor` calls it.
   */
  diagnose?(): Promise<readonly LayerFinding[]>
}

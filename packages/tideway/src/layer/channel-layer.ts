/**
 * What travels through a channel layer: a `type` and any of null, booleans, numbers, strings, bytes (`Uint8Array`),
 * integers of 64 bits (`bigint`), arrays and plain objects of these. Received messages are shared and frozen.
 */
export interface Message {
  readonly type: string
  readonly [key: string]: unknown
}

/** What became of one message at one receiver. */
export type Delivery =
  /** Handled, or queued to be. */
  | 'delivered'
  /** Dropped: the receiver's queue is at its capacity. */
  | 'full'
  /** Dropped: the receiver has no handler for the type. */
  | 'unhandled'

/** Something that is pushed the messages of one channel: a consumer, or the queue behind `receive()`. */
export interface ChannelReceiver {
  /** Takes one message. Should not throw: whoever sent the message would be told of it. */
  deliver(message: Message): Delivery
}

/** Options of `groupSend`. */
export interface GroupSendOptions {
  /** Channels of the group that are not sent the message: the sender's own, most often. @default none */
  readonly except?: string | readonly string[] | undefined
}

/** Options of `receive`. */
export interface ReceiveOptions {
  /** Ends the wait: the promise is rejected with the signal's reason, and no message is lost. */
  readonly signal?: AbortSignal | undefined
}

/** Why a message was dropped. */
export type DropReason =
  /** The queue of the receiver was at its capacity. */
  | 'full'
  /** Nobody took it within `expiry`. */
  | 'expired'
  /** The receiver has no handler for its type. */
  | 'unhandled'
  /** The engine behind the layer could not be reached. */
  | 'unavailable'
  /** It came from another process and could not be read: another serializer, another key, or no message at all. */
  | 'malformed'

/** What a layer has done in this process since it was made. */
export interface ChannelLayerStats {
  /** Messages taken by receivers of this process, pushed or waiting in `receive()`: one a receiver. */
  readonly delivered: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Channels of this process that have a receiver or a queue. */
  readonly channels: number
  /** Groups with at least one member in this process. */
  readonly groups: number
  /** Sends that are queued in this process and not yet handed to their receivers, at this moment. */
  readonly waitingSends: number
  /** How often the connection to the engine was made again. 0 for a layer without one. */
  readonly reconnects: number
  /** How often the layer reported that members of groups missed messages. 0 for a layer without an engine. */
  readonly gaps: number
}

/** Something that was looked at before a deployment, and how it was found. */
export interface LayerFinding {
  /** What was looked at: `redis-version`. */
  readonly check: string
  /** `problem`: it does not work, or will lose something; `warning`: it may. */
  readonly level: 'ok' | 'warning' | 'problem'
  /** What was found, as a sentence. */
  readonly found: string
  /** What to do about it, as a sentence. */
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
   * Who runs several processes asks for it. @default false
   */
  readonly isLocal?: boolean

  /**
   * A name for a new channel of this process, at most 100 characters. Nothing is kept for it until it is attached,
   * received from, or sent to. It should be random, so that it cannot be guessed. It is no capability all the same: messages
   * and logs carry it.
   * @param prefix the part before the process's own. Default `"specific"`.
   */
  newChannel(prefix?: string): string

  /** The most messages that may wait at the channel: `channelCapacity`, or `capacity`. */
  capacityOf(channel: string): number

  /**
   * Pushes the messages of a channel of this process to a receiver from now on, those that wait already first.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` when the channel has a receiver already
   */
  attach(channel: string, receiver: ChannelReceiver): void

  /** Forgets the receiver of the channel and leaves every group that the channel was added to. */
  detach(channel: string): Promise<void>

  /**
   * Sends one message to one channel.
   * @throws ChannelFullError when the receiver is at its capacity
   * @throws MessageTooLargeError when the message is over `maxMessageBytes`
   */
  send(channel: string, message: Message): Promise<void>

  /**
   * Takes the next message of a channel: for workers and tests. Consumers are pushed theirs.
   * @throws TidewayError `ERR_CHANNEL_TAKEN` when the messages of the channel are pushed to somebody
   */
  receive(channel: string, options?: ReceiveOptions): Promise<Message>

  /**
   * Adds the channel to the group. Adding it twice is adding it once. Adding a channel of this process that was detached has
   * no effect: its consumer has ended, and nothing would take it out again.
   */
  groupAdd(group: string, channel: string): Promise<void>

  /** Takes the channel out of the group. No error when it is not in it. */
  groupDiscard(group: string, channel: string): Promise<void>

  /**
   * Sends one message to every channel of the group. A member that is full is passed over and counted.
   * @throws MessageTooLargeError when the message is over `maxMessageBytes`
   */
  groupSend(group: string, message: Message, options?: GroupSendOptions): Promise<void>

  /** Forgets every group and every waiting message. Receivers stay attached, and who waits waits on. */
  flush(): Promise<void>

  /**
   * Ends the layer: leaves every group, ends every wait, lets go of the engine. Later calls are rejected with
   * `ERR_LAYER_CLOSED`, but for `close` and `detach`.
   */
  close(): Promise<void>

  /**
   * The call for the channel that waits for the engine: `groupAdd()`. Returns `undefined` if none waits. The server names it
   * if a handshake is not answered in time.
   */
  pendingCallOf?(channel: string): string | undefined

  /** What the layer has done in this process since it was made. */
  stats(): ChannelLayerStats

  /**
   * Resolves when the layer can be used, connecting it where it has to be. Calling it is never needed: it is for
   * programs that rather fail at their start than at their first message.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` when the engine cannot be used as configured
   */
  ready?(): Promise<void>

  /**
   * Looks at the engine of the layer, as an operator would before a deployment: whether it can be reached, its version, its
   * settings, its clock. What is wrong is a finding and not an error. `tideway doctor` calls it.
   */
  diagnose?(): Promise<readonly LayerFinding[]>
}

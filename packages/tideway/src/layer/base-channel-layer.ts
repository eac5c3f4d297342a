import { TidewayError } from '../errors/tideway-error.ts'
import { Capacities, type ChannelCapacity } from './capacity.ts'
import type {
  ChannelLayer,
  ChannelLayerStats,
  ChannelReceiver,
  GroupSendOptions,
  Message,
  ReceiveOptions,
} from './channel-layer.ts'
import { ChannelFullError } from './errors.ts'
import { LocalChannels } from './local-channels.ts'
import { copyMessage, DEFAULT_MAX_MESSAGE_BYTES, messageBytes } from './message.ts'
import { requireChannelName, requireGroupName } from './names.ts'
import { randomSuffix } from './random-suffix.ts'
import { TurnQueue } from './turn-queue.ts'

/** Options that every layer has, with the names and units of Channels. */
export interface ChannelLayerOptions {
  /** How long a message waits for a receiver, in seconds. @default 60 */
  readonly expiry?: number | undefined
  /** How long a channel stays in a group without anybody serving it, in seconds. @default 86400 */
  readonly groupExpiry?: number | undefined
  /** The most messages that wait at one channel. @default 100 */
  readonly capacity?: number | undefined
  /** Other capacities for the channels whose name matches; the first match counts. @default none */
  readonly channelCapacity?: ChannelCapacity | undefined
  /** The largest message, measured over its content, in bytes. @default 1048576 */
  readonly maxMessageBytes?: number | undefined
}

/** The defaults of {@link ChannelLayerOptions}. */
export const channelLayerDefaults: { readonly expiry: number; readonly groupExpiry: number } = Object.freeze({
  expiry: 60,
  groupExpiry: 86_400,
})

/**
 * What all layers share: the checks of names, messages and state, and the channels and groups of this process. A layer
 * adds how a message gets to its channel or group, and what the first member of a group in this process means to others.
 */
export abstract class BaseChannelLayer implements ChannelLayer {
  /** The channels and groups of this process. */
  protected readonly local: LocalChannels
  protected readonly expiryMs: number
  protected readonly groupExpiryMs: number
  readonly #turns = new TurnQueue()
  readonly #capacities: Capacities
  readonly #maxMessageBytes: number
  /** Groups that are being entered: who joins meanwhile waits for the same. */
  readonly #entering = new Map<string, Promise<void>>()
  #closed: Promise<void> | undefined

  constructor(options: ChannelLayerOptions = {}) {
    this.expiryMs = 1000 * requirePositive('expiry', options.expiry ?? channelLayerDefaults.expiry)
    this.groupExpiryMs = 1000 * requirePositive('groupExpiry', options.groupExpiry ?? channelLayerDefaults.groupExpiry)
    this.#maxMessageBytes = requirePositive('maxMessageBytes', options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES)
    this.#capacities = new Capacities(options.capacity, options.channelCapacity)
    this.local = new LocalChannels({
      expiryMs: this.expiryMs,
      groupExpiryMs: this.groupExpiryMs,
      capacityOf: (channel) => this.#capacities.of(channel),
      onGroupEmptied: (group) => {
        // Nobody waits for it: a layer that cannot leave now makes up for it itself.
        this.#leaveEngine([group]).catch(() => {})
      },
    })
  }

  /** What the names of this process's channels have between the prefix and the `!`: unique to the process. */
  protected abstract readonly processName: string

  /** Gets the message to the channel, wherever its receiver is. */
  protected abstract sendToChannel(channel: string, message: Message): Promise<void>

  /** Gets the message to every member of the group, in every process. */
  protected abstract sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void>

  /** The next message of the channel: by default what was delivered to it in this process. */
  protected receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    return this.local.receive(channel, signal)
  }

  /** The group has its first member in this process. When it rejects, who joined meanwhile is taken out again. */
  protected abstract groupEntered(group: string): void | Promise<void>

  /** The group has lost its last member in this process. It may be entered again before this has settled. */
  protected abstract groupLeft(group: string): void | Promise<void>

  /** Empties what is outside this process; the groups of {@link local} are still there. What was sent before is lost too. */
  protected abstract flushEngine(): Promise<void>

  /** Lets go of what is outside this process; the groups of {@link local} are still there and are not left one by one. */
  protected abstract closeEngine(): Promise<void>

  newChannel(prefix = 'specific'): string {
    const name = `${prefix}.${this.processName}!${randomSuffix()}`
    requireChannelName(name)
    return name
  }

  capacityOf(channel: string): number {
    return this.#capacities.of(channel)
  }

  attach(channel: string, receiver: ChannelReceiver): void {
    this.requireOpen()
    requireChannelName(channel)
    this.local.attach(channel, receiver)
  }

  async detach(channel: string): Promise<void> {
    await this.#leaveEngine(this.local.detach(channel))
  }

  send(channel: string, message: Message): Promise<void> {
    // Not async, nor are groupSend and groupAdd: a message that crosses nothing should cost no more than the one promise it needs.
    try {
      this.requireOpen()
      requireChannelName(channel)
      return this.sendToChannel(channel, copyMessage(message, this.#maxMessageBytes))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async receive(channel: string, options: ReceiveOptions = {}): Promise<Message> {
    this.requireOpen()
    requireChannelName(channel)
    options.signal?.throwIfAborted()
    return this.receiveFromChannel(channel, options.signal)
  }

  groupAdd(group: string, channel: string): Promise<void> {
    try {
      requireGroupName(group)
      requireChannelName(channel)
      // Also when the layer is closed: its consumer has ended, and nothing waits for this call.
      if (this.local.isDetached(channel)) return entered
      this.requireOpen()
      if (this.local.join(group, channel)) this.#enter(group)
      return this.#entering.get(group) ?? entered
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.requireOpen()
    requireGroupName(group)
    requireChannelName(channel)
    if (this.local.leave(group, channel)) await this.groupLeft(group)
  }

  groupSend(group: string, message: Message, options?: GroupSendOptions): Promise<void> {
    try {
      this.requireOpen()
      requireGroupName(group)
      return this.sendToGroup(group, copyMessage(message, this.#maxMessageBytes), options?.except)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async flush(): Promise<void> {
    this.requireOpen()
    await this.flushEngine()
    this.local.clear()
  }

  close(): Promise<void> {
    this.#closed ??= this.closeEngine().finally(() => this.local.close(layerClosed()))
    return this.#closed
  }

  pendingCallOf(channel: string): string | undefined {
    for (const group of this.#entering.keys()) if (this.local.isMember(group, channel)) return 'groupAdd()'
    return undefined
  }

  /** What the layer has done in this process since it was made. */
  stats(): ChannelLayerStats {
    const { delivered, dropped, channelCount, groupCount } = this.local
    return {
      delivered,
      dropped: { ...dropped },
      channels: channelCount,
      groups: groupCount,
      waitingSends: this.#turns.size,
      reconnects: 0,
      gaps: 0,
    }
  }

  /**
   * Hands the message to a channel of this process from a clean stack, after what was sent before.
   * @throws ChannelFullError when the receiver is at its capacity
   */
  protected deliverLocally(channel: string, message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const isQueued = this.#turns.add(() => {
        try {
          if (this.local.deliver(channel, message) === 'full') reject(new ChannelFullError(channel))
          else resolve()
        } catch (error) {
          reject(error)
        }
      }, messageBytes(message))
      if (isQueued) return
      this.local.countDropped('full')
      reject(new ChannelFullError(channel, 'too many sends wait for the end of this turn, so await some of them'))
    })
  }

  /** Hands the message to the members of the group in this process from a clean stack, after what was sent before. */
  protected fanOutLocally(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    return new Promise((resolve, reject) => {
      const isQueued = this.#turns.add(() => {
        try {
          this.local.fanOut(group, message, except)
          resolve()
        } catch (error) {
          reject(error)
        }
      }, messageBytes(message))
      if (isQueued) return
      this.local.countDropped('full')
      resolve()
    })
  }

  /** Resolves when everything that was given to {@link deliverLocally} and {@link fanOutLocally} so far is handed over. */
  protected deliveredLocally(): Promise<void> {
    return this.#turns.drained()
  }

  /** @throws TidewayError `ERR_LAYER_CLOSED` */
  protected requireOpen(): void {
    if (this.#closed === undefined) return
    throw layerClosed()
  }

  #enter(group: string): void {
    const entered = this.groupEntered(group)
    if (entered === undefined) return
    const entering = entered.then(
      () => {
        if (this.#entering.get(group) === entering) this.#entering.delete(group)
      },
      (error: unknown) => {
        if (this.#entering.get(group) === entering) {
          this.#entering.delete(group)
          // All of them joined since: in a group that this process is not in, they would wait for ever.
          this.local.disband(group)
        }
        throw error
      },
    )
    this.#entering.set(group, entering)
  }

  async #leaveEngine(groups: readonly string[]): Promise<void> {
    if (groups.length === 0 || this.#closed !== undefined) return
    await Promise.all(groups.map((group) => this.groupLeft(group)))
  }
}

/** For whoever joins a group that there is already. */
const entered = Promise.resolve()

function layerClosed(): TidewayError {
  return new TidewayError('ERR_LAYER_CLOSED', 'The channel layer is closed: make a new one.')
}

function requirePositive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number over 0, not ${String(value)}.`)
}

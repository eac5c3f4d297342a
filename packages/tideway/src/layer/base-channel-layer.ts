import { requirePositive } from '../errors/option-checks.ts'
import { Capacities, type ChannelCapacity } from './capacity.ts'
import type {
  ChannelLayer,
  ChannelLayerStats,
  ChannelReceiver,
  GroupSendOptions,
  Message,
  ReceiveOptions,
} from './channel-layer.ts'
import { ChannelFullError, layerClosed } from './errors.ts'
import { LocalChannels } from './local-channels.ts'
import type { KeptGroupsOptions } from './log/kept-groups-options.ts'
import type { KeptGroups } from './log/kept-groups.ts'
import { copyMessage, DEFAULT_MAX_MESSAGE_BYTES, messageBytes } from './message.ts'
import { requireChannelName, requireGroupName } from './names.ts'
import { randomSuffix } from './random-suffix.ts'
import { TurnQueue } from './turn-queue.ts'

/** Options of every layer, with the names and units of Channels. */
export interface ChannelLayerOptions {
  /** How long a message waits for a receiver, in seconds. @default 60 */
  readonly expiry?: number | undefined
  /** How long a channel without a receiver stays in a group, in seconds. @default 86400 */
  readonly groupExpiry?: number | undefined
  /** Maximum queued messages of one channel. @default 100 */
  readonly capacity?: number | undefined
  /** Capacities by channel name; the first match applies. @default none */
  readonly channelCapacity?: ChannelCapacity | undefined
  /** The largest message, measured over its content, in bytes. @default 1048576 */
  readonly maxMessageBytes?: number | undefined
  /** The bounds of kept groups. @default see {@link KeptGroupsOptions} */
  readonly keptGroups?: KeptGroupsOptions | undefined
}

/** The defaults of {@link ChannelLayerOptions}. */
export const channelLayerDefaults: { readonly expiry: number; readonly groupExpiry: number } = Object.freeze({
  expiry: 60,
  groupExpiry: 86_400,
})

/**
 * The base class of layers: checks names, messages and state, and keeps the channels and groups of this process. A layer adds
 * how a message reaches its channel or group, and how other processes learn of the first member of a group in this process.
 */
export abstract class BaseChannelLayer implements ChannelLayer {
  /** The channels and groups of this process. */
  protected readonly local: LocalChannels
  protected readonly expiryMs: number
  protected readonly groupExpiryMs: number
  readonly #turns = new TurnQueue()
  readonly #capacities: Capacities
  readonly #maxMessageBytes: number
  /** Groups that the engine is entering. Every `groupAdd` for such a group waits for the same promise. */
  readonly #entering = new Map<string, Promise<void>>()
  /** The last prefix of a valid name. All names with it are valid, because they have one length. */
  #validPrefix: string | undefined
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
        // Not awaited: a layer that cannot leave the group now does so later.
        this.#leaveEngine([group]).catch(() => {})
      },
    })
  }

  /** The part of this process's channel names between the prefix and the `!`, unique to the process. */
  protected abstract readonly processName: string

  /** The kept groups of the layer. `undefined` unless the layer has them. */
  readonly keptGroups?: KeptGroups | undefined

  /** Sends the message to the channel, in any process. */
  protected abstract sendToChannel(channel: string, message: Message): Promise<void>

  /** Sends the message to every member of the group, in every process. */
  protected abstract sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void>

  /** Returns the next message of the channel. By default one that was delivered in this process. */
  protected receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    return this.local.receive(channel, signal)
  }

  /** The group has its first member in this process. If it rejects, all members that joined since are removed again. */
  protected abstract groupEntered(group: string): void | Promise<void>

  /** The group has lost its last member in this process. It may be entered again before this has settled. */
  protected abstract groupLeft(group: string): void | Promise<void>

  /** Empties the engine while {@link local} still has its groups. Earlier sends are lost too. */
  protected abstract flushEngine(): Promise<void>

  /** Closes the engine while {@link local} still has its groups, which are not left one by one. */
  protected abstract closeEngine(): Promise<void>

  newChannel(prefix = 'specific'): string {
    const name = `${prefix}.${this.processName}!${randomSuffix()}`
    if (prefix !== this.#validPrefix) {
      requireChannelName(name)
      this.#validPrefix = prefix
    }
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

  detach(channel: string): Promise<void> {
    // Not async: nearly all channels leave groups that have other members, and then nothing waits.
    try {
      return this.#leaveEngine(this.local.detach(channel))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  send(channel: string, message: Message): Promise<void> {
    // Not async, like groupSend and groupAdd: a local message costs one promise.
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
      // Before the check of the state: the consumer has ended, so the call must not reject on a closed layer.
      if (this.local.isDetached(channel)) return resolved
      this.requireOpen()
      if (this.local.join(group, channel)) this.#enter(group)
      return this.#entering.get(group) ?? resolved
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
    this.#closed ??= this.#close()
    return this.#closed
  }

  pendingCallOf(channel: string): string | undefined {
    return this.local.groupsOf(channel).some((group) => this.#entering.has(group)) ? 'groupAdd()' : undefined
  }

  /** The counters of the layer in this process since it was made. */
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
      beaconMisses: 0,
      ...(this.keptGroups !== undefined && { keptGroups: this.keptGroups.stats() }),
    }
  }

  /**
   * Delivers the message to a channel of this process in a microtask, after earlier sends.
   * @throws ChannelFullError if the receiver is at its capacity
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

  /** Delivers the message to the members of the group in this process in a microtask, after earlier sends. */
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

  /** Resolves when all earlier calls of {@link deliverLocally} and {@link fanOutLocally} are done. */
  protected deliveredLocally(): Promise<void> {
    return this.#turns.drained()
  }

  /** @throws TidewayError `ERR_LAYER_CLOSED` */
  protected requireOpen(): void {
    if (this.#closed === undefined) return
    throw layerClosed()
  }

  async #close(): Promise<void> {
    try {
      if (this.keptGroups !== undefined) await this.keptGroups.close()
      await this.closeEngine()
    } finally {
      this.local.close(layerClosed())
    }
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
          // All members joined since, and would never get a message in a group that this process has not entered.
          this.local.disband(group)
        }
        throw error
      },
    )
    this.#entering.set(group, entering)
  }

  #leaveEngine(groups: readonly string[]): Promise<void> {
    return groups.length === 0 || this.#closed !== undefined ? resolved : this.#leaveEach(groups)
  }

  async #leaveEach(groups: readonly string[]): Promise<void> {
    await Promise.all(groups.map((group) => this.groupLeft(group)))
  }
}

/** The result of `groupAdd` and `detach` if the engine has nothing to do. */
const resolved = Promise.resolve()

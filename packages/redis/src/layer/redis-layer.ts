import { randomBytes } from 'node:crypto'

import {
  ChannelFullError,
  type ChannelLayerStats,
  type ChannelReceiver,
  type Delivery,
  type LayerFinding,
  type Message,
  type ReceiveOptions,
} from 'tideway/layer'
import { BaseChannelLayer, rememberMessageBytes, TidewayError, type KeptGroupsListener } from 'tideway/layer/kit'

import { Acknowledgements } from './acknowledgements.ts'
import { PendingReceives, type Receiver } from './pending-receives.ts'
import { diagnoseRedis, type Evictable } from '../connection/diagnosis.ts'
import type { HostAddress } from '../connection/host-address.ts'
import { LayerEvents, type RedisLayerEvents, type RedisLayerListener } from './layer-events.ts'
import { connectionSettings, type FullConnectionSettings } from '../connection/connection-settings.ts'
import { requirePrefix, type RedisLayerOptions } from './layer-options.ts'
import { MessageCodec } from '../codec/message-codec.ts'
import { RedisEventLog } from '../log/redis-event-log.ts'
import type { DjangoEvents } from '../pub-sub/django-events.ts'
import type { PubSubEngine } from '../pub-sub/pub-sub-engine.ts'
import { unavailable } from '../connection/redis-errors.ts'
import { ACKNOWLEDGE, channelKind, CHANNELS, EXCEPT, PROCESS_MARK, type ChannelKind } from './wire.ts'

/** A received message, separated from the fields that only the layer uses. */
export interface Incoming {
  readonly message: Message
  /** The channels that the message is addressed to. */
  readonly channels: readonly string[]
  readonly except: readonly string[]
  readonly acknowledge: number | undefined
}

/** The Redis servers of a layer (of a cluster, the nodes in its options), and the data that the layer keeps there. */
export interface RedisTargets {
  readonly addresses: readonly HostAddress[]
  readonly evictable: Evictable
}

/** The common part of both Redis layers. */
export abstract class RedisLayer extends BaseChannelLayer {
  protected readonly processName: string = PROCESS_MARK + randomBytes(15).toString('hex')
  protected readonly prefix: string
  protected readonly settings: FullConnectionSettings
  protected readonly codec: MessageCodec
  protected readonly events: LayerEvents = new LayerEvents()
  protected readonly pendingReceives: PendingReceives = new PendingReceives()
  readonly #targets: RedisTargets
  readonly #acknowledgements: Acknowledgements
  readonly #lasting = new Map<string, Receiver>()
  #gaps = 0

  protected constructor(
    options: RedisLayerOptions,
    randomPrefixBytes: number,
    maxAgeSeconds: number | undefined,
    targets: RedisTargets,
  ) {
    super(options)
    this.#targets = targets
    this.prefix = requirePrefix(options.prefix)
    this.settings = connectionSettings(options)
    this.#acknowledgements = new Acknowledgements(this.settings.commandTimeoutMs, (channel) =>
      unavailable(this.prefix, `did not return in time the message sent to "${channel}"`),
    )
    this.codec = new MessageCodec(options, randomPrefixBytes, maxAgeSeconds)
  }

  /** Connects, if that has not started yet. Resolves when every host is up. */
  abstract ready(): Promise<void>

  /** Checks of each Redis whether it is reachable, its version, its eviction policy, its permissions and its clock. */
  async diagnose(): Promise<readonly LayerFinding[]> {
    const { addresses, evictable } = this.#targets
    const hosts = addresses.map((address) => diagnoseRedis(address, evictable, this.settings))
    return (await Promise.all(hosts)).flat()
  }

  /** The figures of all hosts. */
  protected abstract hostFigures(): Pick<ChannelLayerStats, 'reconnects' | 'beaconMisses'>

  /** Whether every host was up at least once. */
  protected abstract get wasUp(): boolean

  /** Starts to connect and returns at once. */
  protected abstract open(): void

  /** The number of receivers of a general channel has changed. */
  protected abstract receiversChanged(channel: string): void

  /** Adds a listener for an event of the layer. */
  on<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): this {
    this.events.on(name, listener)
    return this
  }

  /** Removes a listener that `on` added. */
  off<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): this {
    this.events.off(name, listener)
    return this
  }

  override newChannel(prefix?: string): string {
    const channel = super.newChannel(prefix)
    // Other processes may send to the name from now on, so this process has to receive.
    this.open()
    return channel
  }

  /** Delivers the messages of the channel to the receiver from now on. */
  override attach(channel: string, receiver: ChannelReceiver): void {
    this.requireReceivable(channel)
    super.attach(channel, receiver)
    this.open()
    if (this.kindOf(channel) !== 'general') return
    this.#lasting.set(channel, this.pendingReceives.add(channel, true))
    this.receiversChanged(channel)
  }

  /** Removes the receiver, and removes the channel from every group. */
  override async detach(channel: string): Promise<void> {
    const receiver = this.#lasting.get(channel)
    if (receiver !== undefined) {
      this.#lasting.delete(channel)
      this.pendingReceives.remove(receiver)
      this.receiversChanged(channel)
    }
    await super.detach(channel)
  }

  /** Resolves with the next message of a channel without an attached receiver. Fetches from Redis for a general channel. */
  override async receive(channel: string, options: ReceiveOptions = {}): Promise<Message> {
    const { signal } = options
    this.requireReceivable(channel)
    this.open()
    if (typeof channel !== 'string' || this.kindOf(channel) !== 'general') return super.receive(channel, options)
    const receiver = this.pendingReceives.add(channel, false)
    // Registered before the listener of the queue, so that no message is fetched for an aborted call.
    const giveUp = (): void => this.pendingReceives.remove(receiver)
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      const received = super.receive(channel, this.wasUp ? options : { signal: this.#untilFailed(signal) })
      this.receiversChanged(channel)
      return await received
    } finally {
      signal?.removeEventListener('abort', giveUp)
      giveUp()
      this.receiversChanged(channel)
    }
  }

  /** The counters of the layer in this process since its creation. */
  override stats(): ChannelLayerStats {
    return { ...super.stats(), ...this.hostFigures(), gaps: this.#gaps }
  }

  /** @internal */
  protected readonly keptGroupsListener: Pick<KeptGroupsListener, 'readFailed'> = {
    readFailed: (group, error) => this.events.emit('readFailed', { group, error }),
  }

  /** Makes the log of the kept groups. @internal */
  protected makeLog(engineOf: (channel: string) => PubSubEngine, django?: DjangoEvents): RedisEventLog {
    return new RedisEventLog({
      django,
      prefix: this.prefix,
      codec: this.codec,
      // Redis executes no other command of the connection during the wait.
      replicaWaitMs: Math.ceil(Math.min(this.settings.heartbeatIntervalMs, this.settings.commandTimeoutMs) / 4),
      engineOf,
      malformed: (channel, error) => this.#malformed(channel, error),
    })
  }

  /** @internal */
  protected readonly reportGap = (event: RedisLayerEvents['gap']): void => {
    this.#gaps++
    this.events.emit('gap', event)
  }

  /** @internal */
  protected kindOf(channel: string): ChannelKind {
    return channelKind(channel, this.processName)
  }

  /** @internal Rejects a channel of another process, whose messages never arrive here. */
  protected requireReceivable(channel: unknown): void {
    if (typeof channel !== 'string' || !['tideway', 'python'].includes(this.kindOf(channel))) return
    throw new TidewayError(
      'ERR_BAD_NAME',
      `Channel "${channel}" is of another process: only that process receives from it.`,
    )
  }

  /** Returns a signal that also aborts if the first connect fails. A later loss does not abort it. */
  #untilFailed(signal: AbortSignal | undefined): AbortSignal {
    const failed = new AbortController()
    this.ready().catch((error: unknown) => failed.abort(error))
    return signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  }

  /** Sends to a channel of this process. Resolves when the message has come back. */
  protected async sendToOwn(
    channel: string,
    message: Message,
    send: (content: Record<string, unknown>) => Promise<boolean>,
  ): Promise<void> {
    const { id, settled } = this.#acknowledgements.expect(channel)
    try {
      if (!(await send({ ...message, [ACKNOWLEDGE]: id }))) this.#acknowledgements.settle(id, 'full')
    } catch (error) {
      this.#acknowledgements.forget(id)
      throw error
    }
    await settled
  }

  /** Decodes a received message. Counts a malformed one, emits `malformed` and returns `undefined`. */
  protected decode(bytes: Buffer, from: string): Incoming | undefined {
    try {
      const {
        [CHANNELS]: channels,
        [EXCEPT]: except,
        [ACKNOWLEDGE]: acknowledge,
        ...message
      } = this.codec.decode(bytes)
      if (typeof message['type'] !== 'string') throw new Error('The message has no type.')
      rememberMessageBytes(message, bytes.byteLength)
      return {
        message: Object.freeze(message) as unknown as Message,
        channels: asNames(channels),
        except: asNames(except),
        acknowledge: typeof acknowledge === 'number' ? acknowledge : undefined,
      }
    } catch (error) {
      this.#malformed(from, error)
      return undefined
    }
  }

  #malformed(channel: string, error: unknown): void {
    this.local.countDropped('malformed')
    this.events.emit('malformed', { channel, error: error as Error })
  }

  /** Delivers a message to a channel of this process, and settles its send. */
  protected deliver(channel: string, { message, acknowledge }: Incoming): Delivery {
    const delivery = this.#deliverLocally(channel, message)
    if (acknowledge !== undefined) this.#acknowledgements.settle(acknowledge, delivery)
    return delivery
  }

  /** Delivers a message to the members of a group in this process. */
  protected deliverToGroup(group: string, { message }: Incoming, except: readonly string[]): void {
    try {
      this.local.fanOut(group, message, except.length === 0 ? undefined : except)
    } catch (error) {
      this.events.emit('receiverFailed', { error })
    }
  }

  #deliverLocally(channel: string, message: Message): Delivery {
    try {
      return this.local.deliver(channel, message)
    } catch (error) {
      // ChannelFullError: there are too many channels without a receiver.
      if (error instanceof ChannelFullError) this.local.countDropped('full')
      else this.events.emit('receiverFailed', { error })
      return 'full'
    }
  }

  /** Resolves pending sends to channels of this process, because `flush` removed their messages. */
  protected settleOwnSends(): void {
    this.#acknowledgements.settleAll()
  }

  /** @internal */
  protected stopWaiting(): void {
    this.#acknowledgements.rejectAll((channel) =>
      unavailable(this.prefix, `was disconnected before it returned the message sent to "${channel}"`),
    )
  }
}

function asNames(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}

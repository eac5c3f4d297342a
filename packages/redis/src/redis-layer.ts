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
import { BaseChannelLayer, TidewayError } from 'tideway/layer/kit'

import { Acknowledgements } from './acknowledgements.ts'
import { Demand, type Claim } from './demand.ts'
import { diagnoseRedis, type Evictable } from './diagnosis.ts'
import type { HostAddress } from './host-address.ts'
import { LayerEvents, type RedisLayerEvents, type RedisLayerListener } from './layer-events.ts'
import {
  connectionSettings,
  requirePrefix,
  type FullConnectionSettings,
  type RedisLayerOptions,
} from './layer-options.ts'
import { MessageCodec } from './message-codec.ts'
import { unavailable } from './unavailable.ts'
import { ACKNOWLEDGE, channelKind, CHANNELS, EXCEPT, PROCESS_MARK, type ChannelKind } from './wire.ts'

/** A message as it came in, without what only the layer needs to know. */
export interface Incoming {
  readonly message: Message
  /** The channels that the message says it is for. */
  readonly channels: readonly string[]
  readonly except: readonly string[]
  readonly acknowledge: number | undefined
}

/** Where the Redis of a layer are, of a cluster the nodes that it was given, and what the layer has there. */
export interface Places {
  readonly addresses: readonly HostAddress[]
  readonly evictable: Evictable
}

/** What both Redis layers do alike. */
export abstract class RedisLayer extends BaseChannelLayer {
  protected readonly processName: string = PROCESS_MARK + randomBytes(15).toString('hex')
  protected readonly prefix: string
  protected readonly settings: FullConnectionSettings
  protected readonly codec: MessageCodec
  protected readonly events: LayerEvents = new LayerEvents()
  protected readonly demand: Demand = new Demand()
  readonly #places: Places
  readonly #acknowledgements: Acknowledgements
  readonly #lasting = new Map<string, Claim>()
  #gaps = 0

  protected constructor(
    options: RedisLayerOptions,
    randomPrefixBytes: number,
    maxAgeSeconds: number | undefined,
    places: Places,
  ) {
    super(options)
    this.#places = places
    this.prefix = requirePrefix(options.prefix)
    this.settings = connectionSettings(options)
    this.#acknowledgements = new Acknowledgements(this.settings.commandTimeoutMs, (channel) =>
      unavailable(this.prefix, `did not bring back in time what was sent to "${channel}"`),
    )
    this.codec = new MessageCodec(options, randomPrefixBytes, maxAgeSeconds)
  }

  /** Connects where that has not begun yet, and resolves when every host can be used. */
  abstract ready(): Promise<void>

  /** Whether each Redis answers, its version, what it does when its memory is full, and its clock. */
  async diagnose(): Promise<readonly LayerFinding[]> {
    const { addresses, evictable } = this.#places
    const hosts = addresses.map((address) => diagnoseRedis(address, evictable, this.settings))
    return (await Promise.all(hosts)).flat()
  }

  /** How often hosts came back. */
  protected abstract reconnects(): number

  /** Whether every host could be used at least once. */
  protected abstract get wasUp(): boolean

  /** Begins to connect, without waiting for it. */
  protected abstract open(): void

  /** Somebody asks for a message of a general channel, or does not any more. */
  protected abstract demandChanged(channel: string): void

  /** Listens to what happens to the connections. */
  on<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): this {
    this.events.on(name, listener)
    return this
  }

  /** Ends what `on` began. */
  off<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): this {
    this.events.off(name, listener)
    return this
  }

  override newChannel(prefix?: string): string {
    const channel = super.newChannel(prefix)
    // Whoever is told the name may send to it, so this process had better listen.
    this.open()
    return channel
  }

  /** Pushes the messages of the channel to the receiver from now on. */
  override attach(channel: string, receiver: ChannelReceiver): void {
    this.requireReceivable(channel)
    super.attach(channel, receiver)
    this.open()
    if (this.kindOf(channel) !== 'general') return
    this.#lasting.set(channel, this.demand.add(channel, true))
    this.demandChanged(channel)
  }

  /** Forgets the receiver, and takes the channel out of every group. */
  override async detach(channel: string): Promise<void> {
    const claim = this.#lasting.get(channel)
    if (claim !== undefined) {
      this.#lasting.delete(channel)
      this.demand.remove(claim)
      this.demandChanged(channel)
    }
    await super.detach(channel)
  }

  /** The next message of a channel that nobody is attached to; for a general channel, of one in Redis. */
  override async receive(channel: string, options: ReceiveOptions = {}): Promise<Message> {
    const { signal } = options
    this.requireReceivable(channel)
    this.open()
    if (typeof channel !== 'string' || this.kindOf(channel) !== 'general') return super.receive(channel, options)
    const claim = this.demand.add(channel, false)
    // Listened to before the queue does: a message that comes in this very turn must not be fetched for nobody.
    const giveUp = (): void => this.demand.remove(claim)
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      const received = super.receive(channel, this.wasUp ? options : { signal: this.#untilFailed(signal) })
      this.demandChanged(channel)
      return await received
    } finally {
      signal?.removeEventListener('abort', giveUp)
      giveUp()
      this.demandChanged(channel)
    }
  }

  /** What the layer has done in this process since it was made. */
  override stats(): ChannelLayerStats {
    return { ...super.stats(), reconnects: this.reconnects(), gaps: this.#gaps }
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

  /** @internal Messages to a channel of another process are never received here. */
  protected requireReceivable(channel: unknown): void {
    if (typeof channel !== 'string' || !['tideway', 'python'].includes(this.kindOf(channel))) return
    throw new TidewayError(
      'ERR_BAD_NAME',
      `Channel "${channel}" is of another process: only that process receives from it.`,
    )
  }

  /** Aborts as the signal does, or when the first connect fails: later losses are waited out. */
  #untilFailed(signal: AbortSignal | undefined): AbortSignal {
    const failed = new AbortController()
    this.ready().catch((error: unknown) => failed.abort(error))
    return signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  }

  /** Sends to a channel of this process, and waits until the message has come back. */
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

  /** Reads what came in. `undefined`: it is no message, which is counted and told. */
  protected read(bytes: Buffer, from: string): Incoming | undefined {
    try {
      const {
        [CHANNELS]: channels,
        [EXCEPT]: except,
        [ACKNOWLEDGE]: acknowledge,
        ...message
      } = this.codec.decode(bytes)
      if (typeof message['type'] !== 'string') throw new Error('The message has no type.')
      return {
        message: Object.freeze(message) as unknown as Message,
        channels: asNames(channels),
        except: asNames(except),
        acknowledge: typeof acknowledge === 'number' ? acknowledge : undefined,
      }
    } catch (error) {
      this.local.countDropped('malformed')
      this.events.emit('malformed', { channel: from, error: error as Error })
      return undefined
    }
  }

  /** Hands a message to a channel of this process. */
  protected hand(channel: string, { message, acknowledge }: Incoming): Delivery {
    const delivery = this.#deliver(channel, message)
    if (acknowledge !== undefined) this.#acknowledgements.settle(acknowledge, delivery)
    return delivery
  }

  /** Hands a message to the members of a group in this process. */
  protected handToGroup(group: string, { message }: Incoming, except: readonly string[]): void {
    try {
      this.local.fanOut(group, message, except.length === 0 ? undefined : except)
    } catch (error) {
      this.events.emit('receiverFailed', { error })
    }
  }

  #deliver(channel: string, message: Message): Delivery {
    try {
      return this.local.deliver(channel, message)
    } catch (error) {
      // A ChannelFullError: too many channels that nobody reads, so that one more finds no room.
      if (error instanceof ChannelFullError) this.local.countDropped('full')
      else this.events.emit('receiverFailed', { error })
      return 'full'
    }
  }

  /** What was sent to channels of this process and is on its way does not come back any more. */
  protected settleOwnSends(): void {
    this.#acknowledgements.settleAll()
  }

  /** @internal */
  protected stopWaiting(): void {
    this.#acknowledgements.rejectAll((channel) => unavailable(this.prefix, `was let go of, and with it "${channel}"`))
  }
}

function asNames(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}

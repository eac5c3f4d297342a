import { randomBytes } from 'node:crypto'
import { BaseChannelLayer, type ChannelLayerOptions } from './base-channel-layer.ts'
import type { ChannelLayerStats, ChannelReceiver, GroupSendOptions, Message } from './channel-layer.ts'
import type { EngineSide, LayerEngine } from './layer-engine.ts'
import { KeptGroups } from './log/kept-groups.ts'
import { MemoryEventLog } from './log/memory-event-log.ts'
import { RelayLog } from './log/relay-log.ts'

/**
 * A channel layer in the memory of one process: for development, tests, and applications on one machine. Nothing
 * crosses to another process, except between the workers of `tideway serve --workers`, which share the layers of their application.
 */
export class InMemoryChannelLayer extends BaseChannelLayer {
  override readonly keptGroups: KeptGroups
  protected readonly processName: string = `inmemory.${randomBytes(6).toString('hex')}`
  readonly #memory = new MemoryEventLog()
  readonly #log = new RelayLog(this.#memory)
  #engine: LayerEngine | undefined

  // Explicit, because the declaration of an inherited constructor does not show its options.
  constructor(options: ChannelLayerOptions = {}) {
    super(options)
    this.keptGroups = new KeptGroups(this.#log, options.keptGroups, {
      readFailed: (group, error) => this.#engine?.readFailed(group, error),
    })
  }

  /** Whether messages stay within this process: `false` in a worker that shares the layer with the others. */
  get isLocal(): boolean {
    return this.#engine === undefined
  }

  /**
   * Connects the layer with the layers of other processes. It keeps its receivers, groups and followers. What its logs and general
   * channels contain stays behind, so this is for the time before the application serves.
   * @internal
   */
  useEngine<Engine extends LayerEngine>(make: (side: EngineSide) => Engine): Engine {
    const { processName, local, expiryMs, groupExpiryMs } = this
    const engine = make({
      processName,
      local,
      expiryMs,
      groupExpiryMs,
      capacityOf: (channel) => this.capacityOf(channel),
    })
    this.#engine = engine
    // A failed call is repeated by the engine when it is connected.
    for (const group of local.groupNames()) engine.groupEntered(group).catch(() => {})
    for (const channel of local.wantedChannels()) this.#receiversChanged(channel)
    this.#log.replace(engine.log)
    return engine
  }

  override attach(channel: string, receiver: ChannelReceiver): void {
    super.attach(channel, receiver)
    this.#receiversChanged(channel)
  }

  override detach(channel: string): Promise<void> {
    const detached = super.detach(channel)
    this.#receiversChanged(channel)
    return detached
  }

  override stats(): ChannelLayerStats {
    return { ...super.stats(), ...this.#engine?.stats() }
  }

  protected sendToChannel(channel: string, message: Message): Promise<void> {
    return this.#engine === undefined || channel.includes(`.${this.processName}!`)
      ? this.deliverLocally(channel, message)
      : this.#engine.send(channel, message)
  }

  protected override receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    const received = super.receiveFromChannel(channel, signal)
    if (this.#engine === undefined || channel.includes('!')) return received
    this.#receiversChanged(channel)
    return received.finally(() => this.#receiversChanged(channel))
  }

  protected sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    const crossing = this.#engine?.groupSend(group, message, except)
    const here = this.fanOutLocally(group, message, except)
    return crossing === undefined ? here : Promise.all([here, crossing]).then(() => {})
  }

  protected groupEntered(group: string): void | Promise<void> {
    return this.#engine?.groupEntered(group)
  }

  protected groupLeft(group: string): void {
    this.#engine?.groupLeft(group)
  }

  protected async flushEngine(): Promise<void> {
    if (this.#engine === undefined) this.#memory.flush()
    else await this.#engine.flush()
    await this.deliveredLocally()
  }

  protected async closeEngine(): Promise<void> {
    this.#memory.close()
    await this.deliveredLocally()
    await this.#engine?.close()
  }

  #receiversChanged(channel: string): void {
    // A channel of this process has no messages in the engine.
    if (this.#engine !== undefined && !channel.includes('!')) this.#engine.receiversChanged(channel)
  }
}

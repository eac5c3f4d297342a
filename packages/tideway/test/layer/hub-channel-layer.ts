import { deserialize, serialize } from 'node:v8'
import { InMemoryChannelLayer, type ChannelLayerOptions, type GroupSendOptions, type Message } from 'tideway/layer'
import { BaseChannelLayer, copyMessage } from 'tideway/layer/kit'

/** Stands for an engine such as Redis: it answers later, knows processes only, and keeps the work queues. */
export class Hub {
  readonly processes = new Map<string, HubChannelLayer>()
  readonly subscribers = new Map<string, Set<HubChannelLayer>>()
  readonly jobs: InMemoryChannelLayer

  constructor(options: ChannelLayerOptions) {
    this.jobs = new InMemoryChannelLayer(options)
  }

  /** Does what a command does, in the order of the calls, one round trip later. */
  async command(run: () => void): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    run()
  }
}

/** A distributed layer whose processes are objects of this one: what crosses is bytes, and everything takes its time. */
export class HubChannelLayer extends BaseChannelLayer {
  static #made = 0
  protected readonly processName = `hub${HubChannelLayer.#made++}`
  readonly hub: Hub

  constructor(hub: Hub, options: ChannelLayerOptions = {}) {
    super(options)
    this.hub = hub
    hub.processes.set(this.processName, this)
  }

  protected override receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    return channel.includes('!')
      ? super.receiveFromChannel(channel, signal)
      : this.hub.jobs.receive(channel, { signal })
  }

  protected override async sendToChannel(channel: string, message: Message): Promise<void> {
    if (!channel.includes('!')) return this.hub.jobs.send(channel, message)
    const processName = channel.slice(channel.lastIndexOf('.', channel.indexOf('!')) + 1, channel.indexOf('!'))
    const target = this.hub.processes.get(processName)
    if (target === undefined || target === this) return this.deliverLocally(channel, message)
    const bytes = serialize(message)
    return this.hub.command(() => void target.local.deliver(channel, copyMessage(deserialize(bytes) as Message)))
  }

  protected override sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    const bytes = serialize(message)
    return this.hub.command(() => {
      for (const process of this.hub.subscribers.get(group) ?? []) {
        process.local.fanOut(group, copyMessage(deserialize(bytes) as Message), except)
      }
    })
  }

  protected override groupEntered(group: string): Promise<void> {
    return this.hub.command(() => {
      const subscribers = this.hub.subscribers.get(group) ?? new Set()
      this.hub.subscribers.set(group, subscribers.add(this))
    })
  }

  protected override groupLeft(group: string): Promise<void> {
    return this.hub.command(() => {
      this.hub.subscribers.get(group)?.delete(this)
    })
  }

  protected override async flushEngine(): Promise<void> {
    await this.hub.jobs.flush()
    await this.deliveredLocally()
    await Promise.all(Array.from(this.local.groupNames(), (group) => this.groupLeft(group)))
  }

  protected override async closeEngine(): Promise<void> {
    this.hub.processes.delete(this.processName)
    for (const subscribers of this.hub.subscribers.values()) subscribers.delete(this)
    if (this.hub.processes.size === 0) await this.hub.jobs.close()
  }
}

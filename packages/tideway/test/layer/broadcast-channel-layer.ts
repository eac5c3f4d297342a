import { BroadcastChannel, threadId } from 'node:worker_threads'
import type { ChannelLayerOptions, Message } from 'tideway/layer'
import { BaseChannelLayer, copyMessage } from 'tideway/layer/kit'

interface Parcel {
  readonly to: { readonly channel: string } | { readonly group: string; readonly except?: string | readonly string[] }
  readonly message: Message
}

/** Joins the worker threads of one process: the groups of all layers that were made with the same name. */
export class BroadcastChannelLayer extends BaseChannelLayer {
  static #made = 0
  readonly isLocal = true
  protected readonly processName = `thread-${process.pid}-${threadId}-${BroadcastChannelLayer.#made++}`
  readonly name: string
  readonly #bus: BroadcastChannel

  constructor(name: string, options: ChannelLayerOptions = {}) {
    super(options)
    this.name = name
    this.#bus = new BroadcastChannel(name).unref()
    this.#bus.onmessage = (event) => this.#unpack(event.data as Parcel)
  }

  protected override async sendToChannel(channel: string, message: Message): Promise<void> {
    const isElsewhere = channel.includes('!') && !channel.includes(`.${this.processName}!`)
    if (isElsewhere) this.#post({ to: { channel }, message })
    else await this.deliverLocally(channel, message)
  }

  protected override async sendToGroup(group: string, message: Message, except?: string | readonly string[]) {
    this.#post({ to: except === undefined ? { group } : { group, except }, message })
    await this.fanOutLocally(group, message, except)
  }

  // Every thread receives every message, so memberships are not shared between threads.
  protected override groupEntered(): void {}

  protected override groupLeft(): void {}

  protected override flushEngine(): Promise<void> {
    return this.deliveredLocally()
  }

  protected override async closeEngine(): Promise<void> {
    await this.deliveredLocally()
    this.#bus.close()
  }

  #post(parcel: Parcel): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
    this.#bus.postMessage(parcel)
  }

  #unpack({ to, message }: Parcel): void {
    // What comes from elsewhere is checked and frozen like what is sent here.
    const copy = copyMessage(message)
    if ('group' in to) this.local.fanOut(to.group, copy, to.except)
    else if (this.local.has(to.channel)) this.local.deliver(to.channel, copy)
  }
}

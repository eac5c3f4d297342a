import { randomBytes } from 'node:crypto'
import { BaseChannelLayer, type ChannelLayerOptions } from './base-channel-layer.ts'
import type { GroupSendOptions, Message } from './channel-layer.ts'
import { KeptGroups } from './log/kept-groups.ts'
import { MemoryEventLog } from './log/memory-event-log.ts'

/**
 * A channel layer within one process: for development, tests, and applications that run as one process. Nothing
 * crosses to another process, and all state ends with this one.
 */
export class InMemoryChannelLayer extends BaseChannelLayer {
  readonly isLocal: boolean = true
  override readonly keptGroups: KeptGroups
  readonly #log = new MemoryEventLog()
  protected readonly processName: string = `inmemory.${randomBytes(6).toString('hex')}`

  // Explicit, because the declaration of an inherited constructor does not show its options.
  constructor(options: ChannelLayerOptions = {}) {
    super(options)
    this.keptGroups = new KeptGroups(this.#log, options.keptGroups)
  }

  protected sendToChannel(channel: string, message: Message): Promise<void> {
    return this.deliverLocally(channel, message)
  }

  protected sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    return this.fanOutLocally(group, message, except)
  }

  protected groupEntered(): void | Promise<void> {}

  protected groupLeft(): void {}

  protected flushEngine(): Promise<void> {
    this.#log.flush()
    return this.deliveredLocally()
  }

  protected closeEngine(): Promise<void> {
    this.#log.close()
    return this.deliveredLocally()
  }
}

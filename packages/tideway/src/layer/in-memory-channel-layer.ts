import { randomBytes } from 'node:crypto'
import { BaseChannelLayer, type ChannelLayerOptions } from './base-channel-layer.ts'
import type { GroupSendOptions, Message } from './channel-layer.ts'
import { ChannelFullError } from './errors.ts'
import { TurnQueue } from './turn-queue.ts'

/**
 * A channel layer within one process: for development, tests, and applications that run as one process. Nothing
 * crosses to another process, and nothing outlives this one.
 */
export class InMemoryChannelLayer extends BaseChannelLayer {
  protected readonly processName: string = `inmemory.${randomBytes(6).toString('hex')}`
  readonly #turns = new TurnQueue()

  // Written out because a class that inherits its constructor has no declaration of its options.
  constructor(options: ChannelLayerOptions = {}) {
    super(options)
  }

  protected sendToChannel(channel: string, message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const isQueued = this.#turns.add(() => {
        try {
          if (this.local.deliver(channel, message) === 'full') throw new ChannelFullError(channel)
          resolve()
        } catch (error) {
          reject(error)
        }
      })
      if (!isQueued) {
        this.local.countDropped('full')
        reject(new ChannelFullError(channel))
      }
    })
  }

  protected sendToGroup(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> {
    return new Promise((resolve, reject) => {
      const isQueued = this.#turns.add(() => {
        try {
          this.local.fanOut(group, message, except)
          resolve()
        } catch (error) {
          reject(error)
        }
      })
      if (isQueued) return
      this.local.countDropped('full')
      resolve()
    })
  }

  protected groupEntered(): void {}

  protected groupLeft(): void {}

  protected flushEngine(): Promise<void> {
    return this.#turns.drained()
  }

  protected closeEngine(): Promise<void> {
    return this.#turns.drained()
  }
}

import { TidewayError } from '../errors/tideway-error.ts'

/** What comes over the layer. */
interface RevocationMessage {
  readonly type: string
  readonly [key: string]: unknown
}

/** What is needed of a channel layer: any `ChannelLayer` fits. */
export interface RevocationLayer {
  /** As in `ChannelLayer`. */
  newChannel(prefix?: string): string
  /** As in `ChannelLayer`. */
  attach(channel: string, receiver: { deliver(message: RevocationMessage): 'delivered' | 'unhandled' }): void
  /** As in `ChannelLayer`. */
  detach(channel: string): Promise<void>
  /** As in `ChannelLayer`. */
  groupAdd(group: string, channel: string): Promise<void>
  /** As in `ChannelLayer`. */
  groupSend(group: string, message: RevocationMessage): Promise<void>
}

const GROUP = 'tideway.revocations'
const TYPE = 'tideway.revoke'

/**
 * Ends the connections of a user in every process that shares the layer: one object a process, given to `authExpiry`, and
 * {@link revoke} wherever a person is logged out or blocked. A process is one member of one group, however many connections it has.
 * The group is `tideway.revocations`: an application that makes group names of user input has to begin them with a prefix of its
 * own, so that no client can join it.
 */
export class Revocations {
  readonly #layer: RevocationLayer
  /** What ends the connections of a user in this process, by the id as text. */
  readonly #connections = new Map<string, Set<() => void>>()
  #listening: Promise<string> | undefined

  constructor(layer: RevocationLayer) {
    this.#layer = layer
  }

  /** How many users have connections here. */
  get size(): number {
    return this.#connections.size
  }

  /** Closes every connection of the user, everywhere, with 4401. It does not log anybody out: end the session or the token first. */
  async revoke(userId: string | number): Promise<void> {
    await this.#layer.groupSend(GROUP, { type: TYPE, userId: String(userId) })
  }

  /**
   * Calls `end` when the user is revoked. Resolves once the process listens, so that no revocation after it is missed, with what
   * takes the call back.
   */
  async register(userId: string | number, end: () => void): Promise<() => void> {
    const key = String(userId)
    const ends = this.#connections.get(key) ?? new Set()
    this.#connections.set(key, ends.add(end))
    const forget = (): void => {
      ends.delete(end)
      if (ends.size === 0 && this.#connections.get(key) === ends) this.#connections.delete(key)
    }
    try {
      await (this.#listening ??= this.#listen())
    } catch (error) {
      this.#listening = undefined
      forget()
      throw error
    }
    return forget
  }

  /** Stops listening. Connections that are open stay open. */
  async close(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    if (listening !== undefined) await this.#layer.detach(await listening)
  }

  async #listen(): Promise<string> {
    const channel = this.#layer.newChannel('tideway-revocations')
    this.#layer.attach(channel, { deliver: (message) => this.#deliver(message) })
    try {
      await this.#layer.groupAdd(GROUP, channel)
    } catch (error) {
      await this.#layer.detach(channel).catch((cause: unknown) => {
        // What failed first is what is wrong; a layer's own error says it best.
        if (!(cause instanceof TidewayError)) throw cause
      })
      throw error
    }
    return channel
  }

  #deliver({ type, userId }: RevocationMessage): 'delivered' | 'unhandled' {
    if (type !== TYPE || typeof userId !== 'string') return 'unhandled'
    for (const end of this.#connections.get(userId) ?? []) end()
    return 'delivered'
  }
}

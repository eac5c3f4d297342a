import { TidewayError } from '../errors/tideway-error.ts'

/** A message of the channel layer. */
interface RevocationMessage {
  readonly type: string
  readonly [key: string]: unknown
}

/** The methods of a channel layer that {@link Revocations} needs; every `ChannelLayer` has them. */
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
 * Closes the connections of a user in every process that shares the layer. Each process creates one object, gives it to `authExpiry`,
 * and calls {@link revoke} when it logs out or blocks a person. A process joins one group once, for all of its connections.
 * The group is `tideway.revocations`. An application that makes group names from user input has to start them with a prefix, so that
 * no client can join this group.
 */
export class Revocations {
  readonly #layer: RevocationLayer
  /** The callbacks that end connections of this process, by user id as a string. */
  readonly #connections = new Map<string, Set<() => void>>()
  #listening: Promise<string> | undefined

  constructor(layer: RevocationLayer) {
    this.#layer = layer
  }

  /** The number of users with connections in this process. */
  get size(): number {
    return this.#connections.size
  }

  /** Closes all connections of the user, in all processes, with 4401. It does not end the session or the token: do that first. */
  async revoke(userId: string | number): Promise<void> {
    await this.#layer.groupSend(GROUP, { type: TYPE, userId: String(userId) })
  }

  /**
   * Calls `onRevoke` when the user is revoked. Resolves once the process listens, so that no later revocation is missed, with a function
   * that removes the callback.
   */
  async register(userId: string | number, onRevoke: () => void): Promise<() => void> {
    const key = String(userId)
    const callbacks = this.#connections.get(key) ?? new Set()
    this.#connections.set(key, callbacks.add(onRevoke))
    const unregister = (): void => {
      callbacks.delete(onRevoke)
      if (callbacks.size === 0 && this.#connections.get(key) === callbacks) this.#connections.delete(key)
    }
    try {
      await (this.#listening ??= this.#listen())
    } catch (error) {
      this.#listening = undefined
      unregister()
      throw error
    }
    return unregister
  }

  /** Stops listening. Open connections stay open. */
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
        // The caller gets the first error; an error of the layer in the cleanup adds nothing.
        if (!(cause instanceof TidewayError)) throw cause
      })
      throw error
    }
    return channel
  }

  #deliver({ type, userId }: RevocationMessage): 'delivered' | 'unhandled' {
    if (type !== TYPE || typeof userId !== 'string') return 'unhandled'
    for (const onRevoke of this.#connections.get(userId) ?? []) onRevoke()
    return 'delivered'
  }
}

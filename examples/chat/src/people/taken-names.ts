import { groupName, type Application, type Authenticated, type ChannelLayer, type WebSocketScope } from 'tideway'

import { folded } from './names.ts'

/** The close code of a guest whose name belongs to an account now. Clients reconnect after it, and have no name then. */
const NAME_TAKEN = 4009
const GROUP = groupName('chat', 'taken names')

/** Closes the connections of guests, in all processes of a layer, when an account takes their name. */
export class TakenNames {
  readonly #layer: ChannelLayer
  /** The callbacks that close the connections of this process, by the folded name. */
  readonly #guests = new Map<string, Set<() => void>>()
  #listening: Promise<void> | undefined

  constructor(layer: ChannelLayer) {
    this.#layer = layer
  }

  /** Middleware: closes the connection of a guest when an account takes its name. */
  closing<S extends WebSocketScope & Authenticated>(inner: Application<S>): Application<S> {
    return async (scope, receive, send) => {
      const { username, isAuthenticated } = scope.user
      if (isAuthenticated || username === '') return inner(scope, receive, send)
      await (this.#listening ??= this.#listen())
      const name = folded(username)
      const close = (): void => {
        const closing = send({ type: 'websocket.close', code: NAME_TAKEN, reason: 'name taken' })
        // The connection may end at the same time.
        closing?.catch(() => {})
      }
      const guests = this.#guests.get(name) ?? new Set()
      this.#guests.set(name, guests.add(close))
      try {
        await inner(scope, receive, send)
      } finally {
        guests.delete(close)
        if (guests.size === 0 && this.#guests.get(name) === guests) this.#guests.delete(name)
      }
    }
  }

  /** Closes the connections of the guests with this name. */
  async take(name: string): Promise<void> {
    // If the layer is down, guests of other processes keep the name until they reconnect.
    await this.#layer.groupSend(GROUP, { type: 'name.taken', name: folded(name) }).catch(() => {})
  }

  async #listen(): Promise<void> {
    const channel = this.#layer.newChannel('chat-names')
    this.#layer.attach(channel, {
      deliver: ({ name }) => {
        for (const close of this.#guests.get(String(name)) ?? []) close()
        return 'delivered'
      },
    })
    try {
      await this.#layer.groupAdd(GROUP, channel)
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }
}

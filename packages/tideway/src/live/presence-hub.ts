import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { Presence } from '../layer/presence/presence.ts'
import type { PresenceDiff, PresenceView, PresenceWatcher } from '../layer/presence/presence-view.ts'
import { PresenceFrames, type PresenceMode, type Who } from './presence-frames.ts'

/** A client that gets the presence of a group. */
export interface PresenceClient {
  readonly presenceMode: PresenceMode
  /** How long the list stays open after the client, in milliseconds. A client that polls returns. */
  readonly lingerMs: number
  /** Settles when the connection has sent what waits; `undefined` if nothing waits. */
  readonly slow: Promise<void> | undefined
  sendPresence(frame: WebSocketMessageSendEvent): void
}

/** The hubs of each layer, by the names of the groups. */
const hubs = new WeakMap<Presence, Map<string, PresenceHub>>()

/** Sends the changes of the people of one group to the clients of this process that get them: one frame for all. */
export class PresenceHub implements PresenceWatcher {
  readonly #presence: Presence
  readonly #group: string
  readonly #frames: PresenceFrames
  readonly #clients = new Set<PresenceClient>()
  /** Clients that were too slow for a change: they get the whole list. */
  readonly #stale = new Set<PresenceClient>()
  readonly #opened: Promise<PresenceView>
  #view: PresenceView | undefined
  #lingering: NodeJS.Timeout | undefined

  private constructor(presence: Presence, group: string, wireName: string) {
    this.#presence = presence
    this.#group = group
    this.#frames = new PresenceFrames(wireName, presence.options)
    this.#opened = presence.watch(group, this)
    // Its clients get the error, and the next one opens another hub.
    this.#opened.catch(() => this.#forget())
  }

  /** Returns the hub of the group, and opens it if there is none. */
  static of(presence: Presence, group: string, wireName: string): PresenceHub {
    let ofLayer = hubs.get(presence)
    if (ofLayer === undefined) hubs.set(presence, (ofLayer = new Map()))
    let hub = ofLayer.get(group)
    if (hub === undefined) ofLayer.set(group, (hub = new PresenceHub(presence, group, wireName)))
    return hub
  }

  /** Resolves when the list can be read. @throws TidewayError `ERR_LAYER_UNAVAILABLE` */
  async opened(): Promise<void> {
    await this.#opened
  }

  add(client: PresenceClient): void {
    this.#clients.add(client)
  }

  /** The people before the next frame. */
  who(mode: PresenceMode): Who {
    return this.#frames.who(mode)
  }

  remove(client: PresenceClient): void {
    this.#stale.delete(client)
    this.#clients.delete(client)
    if (client.lingerMs === 0) this.#closeIfIdle()
    else this.#closeLater(client.lingerMs)
  }

  onOpen(view: PresenceView): void {
    this.#view = view
    this.#frames.open(view)
  }

  onDiff(diff: PresenceDiff): void {
    const frameOf = this.#frames.take(diff, this.#view!)
    for (const client of this.#clients) {
      if (this.#stale.has(client)) continue
      if (client.slow === undefined) client.sendPresence(frameOf(client.presenceMode))
      else this.#sendLater(client, client.slow)
    }
  }

  #sendLater(client: PresenceClient, slow: Promise<void>): void {
    this.#stale.add(client)
    const send = (): void => {
      if (!this.#stale.has(client)) return
      if (client.slow !== undefined && client.slow !== slow) {
        this.#sendLater(client, client.slow)
        return
      }
      this.#stale.delete(client)
      client.sendPresence(this.#frames.whole(client.presenceMode))
    }
    slow.then(send, send)
  }

  #closeLater(lingerMs: number): void {
    clearTimeout(this.#lingering)
    this.#lingering = setTimeout(() => {
      this.#lingering = undefined
      this.#closeIfIdle()
    }, lingerMs).unref()
  }

  #closeIfIdle(): void {
    if (this.#clients.size > 0 || this.#lingering !== undefined) return
    this.#forget()
    this.#opened.then(
      (view) => this.#presence.unwatch(view, this),
      () => {},
    )
  }

  #forget(): void {
    const ofLayer = hubs.get(this.#presence)
    if (ofLayer?.get(this.#group) === this) ofLayer.delete(this.#group)
  }
}

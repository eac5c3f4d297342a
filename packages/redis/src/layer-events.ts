import { EventEmitter } from 'node:events'

/** What a Redis layer tells those who listen with `on`. */
export interface RedisLayerEvents {
  /** A host cannot be reached any more. The layer goes on trying. */
  readonly disconnected: { readonly host: string; readonly error: Error | undefined }
  /**
   * The host is back, and everything is subscribed again. `gap`: this process may have missed messages, or dropped some,
   * while the host was gone.
   */
  readonly reconnected: { readonly host: string; readonly gap: boolean; readonly downMs: number }
  /**
   * Members of the groups in this process missed messages, or may have missed some: load again what they show. Every loss
   * of the layer is reported by this event, also where no connection of this process broke. Losses within a tenth of a
   * second are one event.
   */
  readonly gap: {
    readonly host: string
    /** The groups of this process that are concerned. */
    readonly groups: readonly string[]
    /**
     * `disconnected`: the connection that receives was lost, so messages to single channels may be missing too.
     * `removed`: the process was silent for longer than its lease or than `expiry`, or Redis lost its memberships; messages
     * to single channels may be missing too. `dropped`: a process dropped messages to the groups, since it could not reach
     * Redis or since the queue of this process was full.
     */
    readonly reason: 'disconnected' | 'removed' | 'dropped'
  }
  /** A message was dropped that could not be read: another serializer, another key, or no message at all. */
  readonly malformed: { readonly channel: string; readonly error: Error }
  /** A receiver threw, which it promised not to. Without a listener it becomes a warning of the process. */
  readonly receiverFailed: { readonly error: unknown }
}

/** What `on` and `off` of a Redis layer take. */
export type RedisLayerListener<Name extends keyof RedisLayerEvents> = (event: RedisLayerEvents[Name]) => void

/** The listeners of a layer. */
export class LayerEvents {
  readonly #emitter = new EventEmitter()

  on<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): void {
    this.#emitter.on(name, listener)
  }

  off<Name extends keyof RedisLayerEvents>(name: Name, listener: RedisLayerListener<Name>): void {
    this.#emitter.off(name, listener)
  }

  /** Tells the listeners, not inside the caller: what a listener throws is its own and breaks no connection. */
  emit<Name extends keyof RedisLayerEvents>(name: Name, event: RedisLayerEvents[Name]): void {
    if (this.#emitter.listenerCount(name) > 0) queueMicrotask(() => this.#emitter.emit(name, event))
    else if (name === 'receiverFailed') warn((event as RedisLayerEvents['receiverFailed']).error)
  }
}

function warn(error: unknown): void {
  process.emitWarning(`A receiver of a channel layer threw: ${error instanceof Error ? error.stack : String(error)}`)
}

import { EventEmitter } from 'node:events'

/** What a Redis layer tells those who listen with `on`. */
export interface RedisLayerEvents {
  /** A host cannot be reached any more. The layer goes on trying. */
  readonly disconnected: { readonly host: string; readonly error: Error | undefined }
  /**
   * The host is back, everything is subscribed again. `gap`: messages may have been missed in the meantime, so that what
   * is shown to users should be loaded anew.
   */
  readonly reconnected: { readonly host: string; readonly gap: boolean; readonly downMs: number }
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

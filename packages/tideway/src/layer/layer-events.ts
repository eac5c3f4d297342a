import { EventEmitter } from 'node:events'

/** What the events of every layer with an engine have. */
export interface EngineEvents {
  /** A receiver threw, against its contract. */
  readonly receiverFailed: { readonly error: unknown }
}

/** The listeners of a layer with an engine. `Events` has the fields of each event, by its name. */
export class LayerEvents<Events extends EngineEvents> {
  readonly #emitter = new EventEmitter()

  /** Adds a listener. */
  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.on(name, listener)
  }

  /** Removes a listener that `on` added. */
  off<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.off(name, listener)
  }

  /**
   * Calls the listeners in a microtask, so that an error of a listener breaks no connection. Emits a process warning if
   * `receiverFailed` has no listener.
   */
  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    if (this.#emitter.listenerCount(name) > 0) queueMicrotask(() => this.#emitter.emit(name, event))
    else if (name === 'receiverFailed') warn((event as Events['receiverFailed']).error)
  }
}

function warn(error: unknown): void {
  process.emitWarning(`A receiver of a channel layer threw: ${error instanceof Error ? error.stack : String(error)}`)
}

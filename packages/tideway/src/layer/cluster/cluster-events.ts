import { EventEmitter } from 'node:events'

/** The events of a cluster layer, for `on`. */
export interface ClusterLayerEvents {
  /** The hub has ended, or its connection. The layer reconnects, or becomes the hub. */
  readonly disconnected: { readonly host: string; readonly error: Error | undefined }
  /** The layer has a hub again. */
  readonly reconnected: { readonly host: string; readonly gap: boolean; readonly downMs: number }
  /**
   * Members of the groups in this process have missed messages, or may have missed some: reload their state. `disconnected`: the hub was
   * away. `dropped`: a queue was full, of this process or of another one.
   */
  readonly gap: {
    readonly host: string
    readonly groups: readonly string[]
    readonly reason: 'disconnected' | 'dropped'
  }
  /** The log of a kept group that this process follows cannot be read. Its followers wait, and the layer reads it again. */
  readonly readFailed: { readonly group: string; readonly error: unknown }
  /** A receiver threw, against its contract. Without a listener, the layer emits a process warning. */
  readonly receiverFailed: { readonly error: unknown }
}

/** A listener for `on` and `off` of a cluster layer. */
export type ClusterLayerListener<Name extends keyof ClusterLayerEvents> = (event: ClusterLayerEvents[Name]) => void

/** The listeners of a cluster layer. */
export class ClusterEvents {
  readonly #emitter = new EventEmitter()

  on<Name extends keyof ClusterLayerEvents>(name: Name, listener: ClusterLayerListener<Name>): void {
    this.#emitter.on(name, listener)
  }

  off<Name extends keyof ClusterLayerEvents>(name: Name, listener: ClusterLayerListener<Name>): void {
    this.#emitter.off(name, listener)
  }

  /** Calls the listeners in a microtask, so that an error of a listener breaks no connection. */
  emit<Name extends keyof ClusterLayerEvents>(name: Name, event: ClusterLayerEvents[Name]): void {
    if (this.#emitter.listenerCount(name) > 0) queueMicrotask(() => this.#emitter.emit(name, event))
    else if (name === 'receiverFailed') warn((event as ClusterLayerEvents['receiverFailed']).error)
  }
}

function warn(error: unknown): void {
  process.emitWarning(`A receiver of a channel layer threw: ${error instanceof Error ? error.stack : String(error)}`)
}

import type { Socket } from 'node:net'
import { HubConnection } from './hub-connection.ts'
import { HubLayer } from './hub-layer.ts'
import type { Hello } from './frame.ts'

/** The callbacks of a {@link ClusterHub}. */
export interface HubListener {
  /** The first process has connected to this layer. */
  onLayer(name: string): void
}

/** Connects the layers of several processes, and has their logs, presence and work queues in its memory. */
export class ClusterHub {
  readonly #listener: HubListener | undefined
  readonly #layers = new Map<string, HubLayer>()
  readonly #connections = new Set<HubConnection>()
  /** Sockets that wait for {@link open}; `undefined` after it. */
  #waiting: Socket[] | undefined = []
  #isClosed = false

  constructor(listener?: HubListener) {
    this.#listener = listener
  }

  /** Begins to serve. Another hub may exist before. */
  open(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const socket of waiting) this.accept(socket)
  }

  accept(socket: Socket): void {
    if (this.#isClosed) return void socket.destroy()
    if (this.#waiting !== undefined) return void this.#waiting.push(socket)
    const connection = new HubConnection(socket, {
      layerOf: (hello) => this.#layerOf(hello),
      onClose: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }

  close(): void {
    this.#isClosed = true
    for (const socket of this.#waiting ?? []) socket.destroy()
    for (const connection of this.#connections) connection.destroy()
    for (const layer of this.#layers.values()) layer.close()
    this.#layers.clear()
  }

  /** Layers stay until the end of the hub, because their processes may return. */
  #layerOf(hello: Hello): HubLayer {
    let layer = this.#layers.get(hello.layer)
    if (layer === undefined) {
      this.#layers.set(hello.layer, (layer = new HubLayer(hello)))
      this.#listener?.onLayer(hello.layer)
    }
    return layer
  }
}

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireWholeNumber } from '../../errors/option-checks.ts'
import type { ChannelLayerOptions } from '../base-channel-layer.ts'
import { InMemoryChannelLayer } from '../in-memory-channel-layer.ts'
import { requireGroupName } from '../names.ts'
import type { ClusterLayerEvents, ClusterLayerListener } from './cluster-events.ts'
import { ClusterEngine } from './cluster-engine.ts'
import { Rendezvous } from './rendezvous.ts'

/** Options of a {@link ClusterChannelLayer}. */
export interface ClusterChannelLayerOptions extends ChannelLayerOptions {
  /** The name of the cluster: the processes of one user on one machine with the same name share the layer. @default 'default' */
  readonly name?: string | undefined
  /**
   * The folder of the sockets. Only its owner may have access (0700). The layer makes it if it does not exist.
   * @default `tideway-UID-NAME` in the folder of the system for temporary files
   */
  readonly directory?: string | undefined
  /** How long the hub may take to answer, and calls wait for a hub that is away, in milliseconds. @default 5000 */
  readonly callTimeoutMs?: number | undefined
  /** The most bytes that wait between a process and the hub, in each direction. @default 16777216 */
  readonly maxQueuedBytes?: number | undefined
}

/** The defaults of {@link ClusterChannelLayerOptions}. */
export const clusterLayerDefaults: {
  readonly name: string
  readonly callTimeoutMs: number
  readonly maxQueuedBytes: number
} = Object.freeze({ name: 'default', callTimeoutMs: 5000, maxQueuedBytes: 16 * 1024 * 1024 })

/**
 * A channel layer of all processes of one machine, without a server. One of the processes is the hub: it has the logs of kept groups, the
 * presence and the messages of general channels in its memory. When it ends, another process becomes the hub, with empty logs in
 * new epochs. `tideway serve --workers` connects an `InMemoryChannelLayer` in the same way, with a hub that outlives the workers.
 * Requires Unix domain sockets, so not Windows.
 * @example
 * const layer = new ClusterChannelLayer({ name: 'chat' })
 */
export class ClusterChannelLayer extends InMemoryChannelLayer {
  /** @internal */
  protected readonly engine: ClusterEngine
  readonly #rendezvous: Rendezvous

  /** @throws TidewayError `ERR_BAD_OPTION`, `ERR_BAD_NAME`; `ERR_CANNOT_LISTEN` if the path of the folder is too long for a Unix socket */
  constructor(options: ClusterChannelLayerOptions = {}) {
    super(options)
    const {
      name = clusterLayerDefaults.name,
      callTimeoutMs = clusterLayerDefaults.callTimeoutMs,
      maxQueuedBytes = clusterLayerDefaults.maxQueuedBytes,
      directory = clusterDirectory(name),
    } = options
    requireGroupName(name)
    const rendezvous = new Rendezvous(directory, { canHost: true })
    this.#rendezvous = rendezvous
    const engineOptions = {
      layer: name,
      callTimeoutMs: requireWholeNumber('callTimeoutMs', callTimeoutMs),
      maxQueuedBytes: requireWholeNumber('maxQueuedBytes', maxQueuedBytes, Infinity),
      connect: () => rendezvous.connect(),
      close: () => rendezvous.close(),
    }
    this.engine = this.useEngine((side) => new ClusterEngine(side, engineOptions))
  }

  /** Whether this process is the hub. */
  get isHub(): boolean {
    return this.#rendezvous.isHost
  }

  /** Connects to the hub, or becomes it. @throws TidewayError `ERR_LAYER_UNAVAILABLE` after `callTimeoutMs` */
  ready(): Promise<void> {
    this.requireOpen()
    return this.engine.ready()
  }

  override newChannel(prefix?: string): string {
    const channel = super.newChannel(prefix)
    // Other processes may send to the name from now on, so this process has to receive.
    this.engine.open()
    return channel
  }

  /** Adds a listener for an event of the layer. */
  on<Name extends keyof ClusterLayerEvents>(name: Name, listener: ClusterLayerListener<Name>): this {
    this.engine.events.on(name, listener)
    return this
  }

  /** Removes a listener that `on` added. */
  off<Name extends keyof ClusterLayerEvents>(name: Name, listener: ClusterLayerListener<Name>): this {
    this.engine.events.off(name, listener)
    return this
  }
}

/** The folder of the cluster of this user with this name. */
export function clusterDirectory(name: string): string {
  return join(tmpdir(), `tideway-${process.getuid?.() ?? 'user'}-${name}`)
}

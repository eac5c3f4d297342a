import type { HostAddress } from '../connection/host-address.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import { LayerEvents } from '../layer/layer-events.ts'
import { shardOf } from '../layer/shard-hash.ts'
import { PubSubHost } from '../pub-sub/pub-sub-host.ts'

/** The settings of the hosts, and the callbacks to their layer. */
export interface LogHostsOptions {
  readonly addresses: readonly HostAddress[]
  readonly settings: FullConnectionSettings
  /** A Redis channel of this process only. */
  readonly beacon: string
  onMessage(channel: string, bytes: Buffer): void
  /** Messages may be missing. */
  onMissed(): void
}

/**
 * The pub/sub connections of the core layer, for the logs of kept groups: two for each host, made when the first kept group is used.
 * They emit no events of the layer, because its other connections to the same hosts do.
 */
export class LogHosts {
  readonly #options: LogHostsOptions
  #hosts: readonly PubSubHost[] | undefined

  constructor(options: LogHostsOptions) {
    this.#options = options
  }

  /** Returns the host of a Redis channel. */
  of(channel: string): PubSubHost {
    this.#hosts ??= this.#make()
    return this.#hosts[shardOf(channel, this.#hosts.length)]!
  }

  get beaconMisses(): number {
    return (this.#hosts ?? []).reduce((sum, host) => sum + host.beaconMisses, 0)
  }

  async close(): Promise<void> {
    await Promise.all((this.#hosts ?? []).map((host) => host.close()))
  }

  #make(): PubSubHost[] {
    const { addresses, settings, beacon, onMessage, onMissed } = this.#options
    const subscriptions = { channels: [], patterns: [], beacon, isolatesDatabases: true }
    const listener = { onMessage, onMissed, onDemoted: onMissed, onUp: () => {} }
    return addresses.map((address) => new PubSubHost(address, subscriptions, settings, new LayerEvents(), listener))
  }
}

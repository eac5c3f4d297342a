import { TidewayError } from 'tideway/layer/kit'

import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import { parseHosts } from '../connection/host-address.ts'
import type { LayerEvents } from '../layer/layer-events.ts'
import { shardOf } from '../layer/shard-hash.ts'
import { PubSubCluster } from './pub-sub-cluster.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import { PubSubHost } from './pub-sub-host.ts'
import type { RedisPubSubChannelLayerOptions } from './pub-sub-options.ts'

/** The Redis channels that a layer subscribes from the first connect on. */
export interface EngineChannels {
  /** The channel for notes of dropped group sends, on every host. */
  readonly gap: string
  /** The channel of this process, on its own host. */
  readonly own: string
  /** The channel that proves that a subscriber is alive. */
  readonly beacon: string
  /** The pattern of channels that channels_redis sends to; `undefined` without `interop`. */
  readonly python: string | undefined
}

/**
 * Makes the engines of a pub/sub layer: one for each host, or one for a cluster.
 * @param connect calls the given function with the callbacks of the engine
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function makeEngines(
  { hosts, cluster }: RedisPubSubChannelLayerOptions,
  { gap, own, beacon, python }: EngineChannels,
  settings: FullConnectionSettings,
  events: LayerEvents,
  connect: (make: (listener: PubSubListener) => PubSubEngine) => PubSubEngine,
): PubSubEngine[] {
  if (cluster === undefined) {
    const addresses = parseHosts(hosts)
    const ownHost = shardOf(own, addresses.length)
    return addresses.map((address, index) => {
      const subscriptions = {
        channels: index === ownHost ? [gap, own] : [gap],
        patterns: python === undefined ? [] : [python],
        beacon,
        isolatesDatabases: python === undefined,
      }
      return connect((listener) => new PubSubHost(address, subscriptions, settings, events, listener))
    })
  }
  if (hosts === undefined) {
    return [connect((listener) => new PubSubCluster(cluster, [gap, own], beacon, settings, events, listener))]
  }
  throw new TidewayError('ERR_BAD_OPTION', 'Give either hosts or cluster: a cluster does its own sharding.')
}

import { TidewayError } from 'tideway/layer/kit'

import { parseCluster, parseHosts, type ClusterHost, type HostAddress } from './host-address.ts'
import type { RedisLayerOptions } from './layer-options.ts'

/** Options of `RedisPubSubChannelLayer`. */
export interface RedisPubSubChannelLayerOptions extends RedisLayerOptions {
  /**
   * A Redis Cluster of version 7 or later instead of `hosts`: sharded pub/sub is used. channels_redis knows no cluster,
   * so no process of Django is in its groups. @default none
   */
  readonly cluster?: ClusterHost | undefined
  /**
   * `'channels_redis'`: the layer also exchanges jobs and messages to single channels with Django processes that use
   * `channels_redis.pubsub.RedisPubSubChannelLayer`, in groups on any database. Such messages are published under the bare
   * name of their channel, which has neither prefix nor database, as channels_redis does: every other application on the
   * same Redis server that does so receives them. The same in all processes.
   * @default none: nothing crosses the prefix or the database
   */
  readonly interop?: 'channels_redis' | undefined
}

/**
 * Whether messages are exchanged with channels_redis beyond groups.
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function requireInterop({ interop, cluster }: RedisPubSubChannelLayerOptions): boolean {
  if (interop === undefined) return false
  if (interop !== 'channels_redis') {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `interop must be "channels_redis" or left out, not ${JSON.stringify(interop)}.`,
    )
  }
  if (cluster === undefined) return true
  throw new TidewayError(
    'ERR_BAD_OPTION',
    'interop and cluster cannot be used together: channels_redis has no cluster.',
  )
}

/** The addresses of the hosts; of a cluster, those of the nodes in its options. */
export function addressesOf({ hosts, cluster }: RedisPubSubChannelLayerOptions): HostAddress[] {
  return cluster === undefined ? parseHosts(hosts) : parseCluster(cluster)
}

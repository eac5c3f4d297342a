import { TidewayError } from 'tideway/layer/kit'

import { parseCluster, parseHosts, type ClusterHost, type HostAddress } from '../connection/host-address.ts'
import type { RedisLayerOptions } from '../layer/layer-options.ts'

/** Options of `RedisPubSubChannelLayer`. */
export interface RedisPubSubChannelLayerOptions extends RedisLayerOptions {
  /**
   * A Redis Cluster of version 7 or later instead of `hosts`. The layer uses sharded pub/sub. channels_redis does not
   * support clusters, so groups contain no Django processes. @default none
   */
  readonly cluster?: ClusterHost | undefined
  /**
   * `'channels_redis'`: the layer also exchanges jobs and messages to single channels with Django processes that use
   * `channels_redis.pubsub.RedisPubSubChannelLayer`, in groups on any database. Such messages are published under the bare
   * name of their channel, without prefix and database, as channels_redis does: every other application on the same Redis
   * server that does so receives them. All processes need the same value.
   * @default none: messages stay within the prefix and the database
   */
  readonly interop?: 'channels_redis' | undefined
  /**
   * Declarations whose followers also get what Django sends to the group of the same name: `['room']` for `room.lobby`. The type of the
   * message is the name of a volatile event, and its other keys are the data, which no schema checks. Requires `interop`. Django
   * appends to the log instead with the layer in `integrations/python`. @default none
   */
  readonly djangoEvents?: readonly string[] | undefined
}

/**
 * Returns whether the layer also exchanges jobs and messages to single channels with channels_redis.
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

/**
 * Returns the declarations whose followers get the messages of Django.
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function requireDjangoEvents({ djangoEvents = [], interop }: RedisPubSubChannelLayerOptions): readonly string[] {
  if (!Array.isArray(djangoEvents) || djangoEvents.some((name) => typeof name !== 'string')) {
    throw new TidewayError('ERR_BAD_OPTION', "djangoEvents must be an array of the names of declarations: ['room'].")
  }
  if (djangoEvents.length === 0 || interop !== undefined) return djangoEvents
  throw new TidewayError('ERR_BAD_OPTION', "djangoEvents needs interop: 'channels_redis'.")
}

/** Returns the addresses of the hosts, or of the cluster nodes in the options. */
export function addressesOf({ hosts, cluster }: RedisPubSubChannelLayerOptions): HostAddress[] {
  return cluster === undefined ? parseHosts(hosts) : parseCluster(cluster)
}

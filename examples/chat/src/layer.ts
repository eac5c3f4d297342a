import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'
import { InMemoryChannelLayer, type ChannelLayer } from 'tideway'

const { CHANNEL_LAYER, REDIS_URL } = process.env

/** The layer of the whole application: `CHANNEL_LAYER` says which, and without it `REDIS_URL` says whether there is a Redis. */
export const channelLayer: ChannelLayer = layerOf(CHANNEL_LAYER ?? (REDIS_URL ? 'pubsub' : 'memory'))

function layerOf(name: string): ChannelLayer {
  const hosts = [REDIS_URL || 'redis://localhost:6379']
  switch (name) {
    case 'memory':
      return new InMemoryChannelLayer()
    case 'pubsub':
      return new RedisPubSubChannelLayer({ hosts })
    case 'redis':
      return new RedisChannelLayer({ hosts })
    default:
      throw new Error(`CHANNEL_LAYER is "${name}": it can be memory, pubsub or redis.`)
  }
}

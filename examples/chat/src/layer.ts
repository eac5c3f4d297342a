import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'
import { InMemoryChannelLayer } from 'tideway'

type Layer = InMemoryChannelLayer | RedisChannelLayer | RedisPubSubChannelLayer

const { CHANNEL_LAYER, REDIS_URL } = process.env

/** The channel layer of the application, chosen by `CHANNEL_LAYER`, or by whether `REDIS_URL` is set. */
export const channelLayer: Layer = layerOf(CHANNEL_LAYER ?? (REDIS_URL ? 'pubsub' : 'memory'))

function layerOf(name: string): Layer {
  const hosts = [REDIS_URL || 'redis://localhost:6379']
  // A page that is reloaded is back in less.
  const keptGroups = { presence: { graceMs: 3000 } }
  switch (name) {
    case 'memory':
      return new InMemoryChannelLayer({ keptGroups })
    case 'pubsub':
      return new RedisPubSubChannelLayer({ hosts, keptGroups })
    case 'redis':
      return new RedisChannelLayer({ hosts, keptGroups })
    default:
      throw new Error(`CHANNEL_LAYER is "${name}": it can be memory, pubsub or redis.`)
  }
}

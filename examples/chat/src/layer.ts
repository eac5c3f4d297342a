import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'
import { InMemoryChannelLayer } from 'tideway'

type Layer = InMemoryChannelLayer | RedisChannelLayer | RedisPubSubChannelLayer

const { CHANNEL_LAYER, REDIS_URL } = process.env

/** The channel layer of the application, chosen by `CHANNEL_LAYER`, or by whether `REDIS_URL` is set. */
export const channelLayer: Layer = layerOf(CHANNEL_LAYER ?? (REDIS_URL ? 'pubsub' : 'memory'))

/** Calls the listener with the groups whose members in this process may have missed messages. In memory, no message is lost. */
export function onGap(listener: (groups: readonly string[]) => void): void {
  if (channelLayer instanceof InMemoryChannelLayer) return
  channelLayer.on('gap', ({ groups }) => listener(groups))
}

function layerOf(name: string): Layer {
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

import { InMemoryChannelLayer, type ChannelLayer } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import { RedisChannelLayer } from './core/redis-channel-layer.ts'
import { RedisPubSubChannelLayer } from './pub-sub/redis-pub-sub-channel-layer.ts'

/**
 * Creates the layer that the environment names. `REDIS_URL` is the URL of a Redis, or several separated by commas.
 * `CHANNEL_LAYER` is `memory`, `pubsub` or `redis` (the core layer of channels_redis). Its default is `pubsub` if
 * `REDIS_URL` is set, otherwise `memory`.
 * @throws TidewayError `ERR_BAD_OPTION` for another `CHANNEL_LAYER`
 */
export function channelLayerFromEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): ChannelLayer {
  const urls = (env['REDIS_URL'] ?? '').split(',').filter((url) => url.trim() !== '')
  const options = urls.length === 0 ? {} : { hosts: urls.map((url) => url.trim()) }
  const kind = env['CHANNEL_LAYER'] ?? (urls.length === 0 ? 'memory' : 'pubsub')
  switch (kind) {
    case 'memory':
      return new InMemoryChannelLayer()
    case 'pubsub':
      return new RedisPubSubChannelLayer(options)
    case 'redis':
      return new RedisChannelLayer(options)
    default:
      // The value is not quoted: it may be the URL meant for REDIS_URL, with a password.
      throw new TidewayError('ERR_BAD_OPTION', 'CHANNEL_LAYER must be memory, pubsub or redis.')
  }
}

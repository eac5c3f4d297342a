import { InMemoryChannelLayer, type ChannelLayer } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import { RedisChannelLayer } from './redis-channel-layer.ts'
import { RedisPubSubChannelLayer } from './redis-pub-sub-channel-layer.ts'

/**
 * The layer that the environment names, for programs that run alone on a laptop and as a fleet elsewhere: `REDIS_URL` is
 * the URL of a Redis, or several with commas between; `CHANNEL_LAYER` is `memory`, `pubsub` or `redis` (the core layer of
 * channels_redis). Without `CHANNEL_LAYER` it is `pubsub` where there is a `REDIS_URL`, else `memory`.
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
      // Not quoted: it may be a URL with a password that was meant for REDIS_URL.
      throw new TidewayError('ERR_BAD_OPTION', 'CHANNEL_LAYER must be memory, pubsub or redis.')
  }
}

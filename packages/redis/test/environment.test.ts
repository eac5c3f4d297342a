import { describe, expect, it } from 'vitest'

import { InMemoryChannelLayer } from 'tideway/layer'

import { channelLayerFromEnvironment, RedisChannelLayer, RedisPubSubChannelLayer } from '../src/index.ts'

describe('channelLayerFromEnvironment', () => {
  const url = 'redis://127.0.0.1:1'

  it.each([
    [{}, InMemoryChannelLayer],
    [{ REDIS_URL: '' }, InMemoryChannelLayer],
    [{ REDIS_URL: url }, RedisPubSubChannelLayer],
    [{ REDIS_URL: `${url}, redis://127.0.0.1:2` }, RedisPubSubChannelLayer],
    [{ CHANNEL_LAYER: 'pubsub' }, RedisPubSubChannelLayer],
    [{ CHANNEL_LAYER: 'redis', REDIS_URL: url }, RedisChannelLayer],
    [{ CHANNEL_LAYER: 'memory', REDIS_URL: url }, InMemoryChannelLayer],
  ])('creates the layer that %j names', async (env, expected) => {
    const layer = channelLayerFromEnvironment(env)
    expect(layer).toBeInstanceOf(expected)
    await layer.close()
  })

  it.each(['kafka', 'redis://:SECRET@127.0.0.1'])('rejects the unknown kind %s without quoting it', (kind) => {
    expect(() => channelLayerFromEnvironment({ CHANNEL_LAYER: kind })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION', message: 'CHANNEL_LAYER must be memory, pubsub or redis.' }),
    )
  })
})

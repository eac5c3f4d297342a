import { describe, expect, it } from 'vitest'

import { InMemoryChannelLayer } from 'tideway/layer'

import { channelLayerFromEnvironment, RedisChannelLayer, RedisPubSubChannelLayer } from '../src/index.ts'

describe('the layer of the environment', () => {
  const url = 'redis://127.0.0.1:1'

  it.each([
    [{}, InMemoryChannelLayer],
    [{ REDIS_URL: '' }, InMemoryChannelLayer],
    [{ REDIS_URL: url }, RedisPubSubChannelLayer],
    [{ REDIS_URL: `${url}, redis://127.0.0.1:2` }, RedisPubSubChannelLayer],
    [{ CHANNEL_LAYER: 'pubsub' }, RedisPubSubChannelLayer],
    [{ CHANNEL_LAYER: 'redis', REDIS_URL: url }, RedisChannelLayer],
    [{ CHANNEL_LAYER: 'memory', REDIS_URL: url }, InMemoryChannelLayer],
  ])('for %j is of the class it names', async (env, expected) => {
    const layer = channelLayerFromEnvironment(env)
    expect(layer).toBeInstanceOf(expected)
    await layer.close()
  })

  it.each(['kafka', 'redis://:SECRET@127.0.0.1'])('is refused for the unknown kind %s, which is not quoted', (kind) => {
    expect(() => channelLayerFromEnvironment({ CHANNEL_LAYER: kind })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION', message: 'CHANNEL_LAYER must be memory, pubsub or redis.' }),
    )
  })
})

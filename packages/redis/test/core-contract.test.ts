import { afterAll, beforeAll, describe, it } from 'vitest'

import { describeChannelLayer } from 'tideway/layer/contract'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisChannelLayer } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis'], 'RedisChannelLayer', () => {
  describe.each([1, 3])('on %i host(s)', (count) => {
    let servers: RedisServer[] = []
    let prefixes = 0
    const prefixOf = new WeakMap<RedisChannelLayer, string>()

    beforeAll(async () => {
      servers = await Promise.all(Array.from({ length: count }, () => RedisServer.start()))
    })
    afterAll(async () => {
      await Promise.all(servers.map((server) => server.stop()))
    })

    async function make(options: object, prefix: string): Promise<RedisChannelLayer> {
      const layer = new RedisChannelLayer({ ...options, prefix, hosts: servers.map(({ url }) => url) })
      prefixOf.set(layer, prefix)
      // One test has a receiver that throws.
      layer.on('receiverFailed', () => {})
      await layer.ready()
      return layer
    }

    describeChannelLayer('as a channel layer', (options) => make(options, `contract${prefixes++}`), {
      runner: { describe, it },
      // A busy machine makes a tenth of a second long.
      expiry: 0.5,
      makePeer: (layer, options) => make(options, prefixOf.get(layer)!),
    })
  })
})

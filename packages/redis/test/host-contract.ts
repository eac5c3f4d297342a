import { afterAll, beforeAll, describe, it } from 'vitest'

import type { ChannelLayer } from 'tideway/layer'
import { describeChannelLayer } from 'tideway/layer/contract'

import type { RedisLayerEvents, RedisLayerOptions } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

/** The common interface of the Redis layers. */
interface RedisLayer extends ChannelLayer {
  ready(): Promise<void>
  on(name: 'receiverFailed', listener: (event: RedisLayerEvents['receiverFailed']) => void): unknown
}

/** Runs the contract of layers on one Redis and on three. */
export function describeOnHosts(Layer: new (options: RedisLayerOptions) => RedisLayer): void {
  describe.each([1, 3])('on %i host(s)', (count) => {
    let servers: RedisServer[] = []
    let prefixes = 0
    const prefixOf = new WeakMap<ChannelLayer, string>()

    beforeAll(async () => {
      servers = await Promise.all(Array.from({ length: count }, () => RedisServer.start()))
    })
    afterAll(async () => {
      await Promise.all(servers.map((server) => server.stop()))
    })

    async function make(options: object, prefix: string): Promise<RedisLayer> {
      const layer = new Layer({ ...options, prefix, hosts: servers.map(({ url }) => url) })
      prefixOf.set(layer, prefix)
      // A receiver throws in one test.
      layer.on('receiverFailed', () => {})
      await layer.ready()
      return layer
    }

    describeChannelLayer('as a channel layer', (options) => make(options, `contract${prefixes++}`), {
      runner: { describe, it },
      // On a busy machine 100 ms is too short.
      expiry: 0.5,
      makePeer: (layer, options) => make(options, prefixOf.get(layer)!),
    })
  })
}

import { afterAll, beforeAll, describe, it } from 'vitest'

import { describePresenceStore } from 'tideway/layer/contract'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import type { RedisPubSubChannelLayerOptions } from '../../src/index.ts'
import { logOf, type Kind, type LayerLog } from '../log/log-layers.ts'
import { RedisServer } from '../redis-server.ts'

const keys = { symmetricEncryptionKeys: ['a key of more than thirty-two bytes, for tests'] }

const cases: readonly (readonly [name: string, kind: Kind, hosts: number, options: RedisPubSubChannelLayerOptions])[] =
  [
    ['RedisPubSubChannelLayer', 'RedisPubSubChannelLayer', 1, {}],
    ['RedisPubSubChannelLayer on 3 hosts', 'RedisPubSubChannelLayer', 3, {}],
    ['RedisChannelLayer, encrypted', 'RedisChannelLayer', 1, keys],
    ['RedisChannelLayer on 3 hosts', 'RedisChannelLayer', 3, {}],
  ]

describeWith(['redis'], 'presence', () => {
  let servers: RedisServer[] = []
  let prefixes = 0

  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => RedisServer.start()))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  for (const [name, kind, hosts, options] of cases) {
    const make = async (): Promise<LayerLog> => {
      const urls = servers.slice(0, hosts).map(({ url }) => url)
      const log = logOf(kind, { ...options, prefix: `presence${prefixes++}`, hosts: urls })
      await log.layer.ready()
      return log
    }
    describePresenceStore(`of ${name}`, make, {
      runner: { describe, it },
      close: (log) => log.layer.close(),
    })
  }
})

import { afterAll, beforeAll, describe, it } from 'vitest'

import { describeEventLog } from 'tideway/layer/contract'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import type { RedisPubSubChannelLayerOptions } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'
import { logOf, type Kind, type LayerLog } from './log-layers.ts'

const keys = { symmetricEncryptionKeys: ['a key of more than thirty-two bytes, for tests'] }

const cases: readonly (readonly [name: string, kind: Kind, hosts: number, options: RedisPubSubChannelLayerOptions])[] =
  [
    ['RedisPubSubChannelLayer', 'RedisPubSubChannelLayer', 1, {}],
    ['RedisPubSubChannelLayer on 3 hosts, encrypted', 'RedisPubSubChannelLayer', 3, keys],
    ['RedisChannelLayer', 'RedisChannelLayer', 1, {}],
    ['RedisChannelLayer on 3 hosts, encrypted', 'RedisChannelLayer', 3, keys],
  ]

describeWith(['redis'], 'the event log', () => {
  let servers: RedisServer[] = []
  let prefixes = 0

  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => RedisServer.start()))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  for (const [name, kind, hosts, options] of cases) {
    const make = async (prefix: string): Promise<LayerLog> => {
      const urls = servers.slice(0, hosts).map(({ url }) => url)
      const log = logOf(kind, { ...options, prefix, hosts: urls })
      await log.layer.ready()
      return log
    }
    describeEventLog(`of ${name}`, () => make(`log${prefixes++}`), {
      runner: { describe, it },
      makePeer: (log) => make(log.options.prefix!),
      close: (log) => log.layer.close(),
    })
  }
})

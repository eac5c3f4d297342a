import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { describeChannelLayer, describeEventLog, describePresenceStore } from 'tideway/layer/contract'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { SLOTS, slotOf } from '../src/pub-sub/cluster-slot.ts'
import { RedisPubSubChannelLayer, type RedisPubSubChannelLayerOptions } from '../src/index.ts'
import { logOf, type LayerLog } from './log/log-layers.ts'
import { RedisServer } from './redis-server.ts'

describe('slotOf', () => {
  it.each([
    ['', 0],
    // The check value of the CRC in the specification, modulo the number of slots.
    ['123456789', 0x31c3 % 16_384],
    ['foo', 12_182],
    ['{user1000}.following', slotOf('user1000')],
    ['foo{}{bar}', 8363],
    ['foo{{bar}}zap', slotOf('{bar')],
    ['foo{bar}{zap}', slotOf('bar')],
  ])('returns the slot of the specification for %j', (key, slot) => {
    expect(slotOf(key)).toBe(slot)
  })
})

describeWith(['redis'], 'RedisPubSubChannelLayer on a Redis Cluster', () => {
  let servers: RedisServer[] = []
  let prefixes = 0
  const prefixOf = new WeakMap<RedisPubSubChannelLayer, string>()

  beforeAll(async () => {
    servers = await startCluster()
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  async function makeLayer(
    options: RedisPubSubChannelLayerOptions = {},
    prefix: string = `c${prefixes++}`,
  ): Promise<RedisPubSubChannelLayer> {
    const settings = { heartbeatIntervalMs: 1000, commandTimeoutMs: 5000, maxReconnectDelayMs: 200 }
    const cluster = { cluster: servers.slice(0, 2).map(({ address }) => address) }
    const layer = new RedisPubSubChannelLayer({ ...settings, ...options, prefix, cluster })
    prefixOf.set(layer, prefix)
    // A receiver throws in one test of the contract.
    layer.on('receiverFailed', () => {})
    await layer.ready()
    return layer
  }

  describeChannelLayer('as a channel layer', (options) => makeLayer(options), {
    runner: { describe, it },
    // On a busy machine 100 ms is too short.
    expiry: 0.5,
    makePeer: (layer, options) => makeLayer(options, prefixOf.get(layer)),
  })

  async function makeLog(prefix: string): Promise<LayerLog> {
    const cluster = { cluster: servers.slice(0, 2).map(({ address }) => address) }
    const log = logOf('RedisPubSubChannelLayer', { prefix, cluster })
    await log.layer.ready()
    return log
  }

  describeEventLog('as an event log', () => makeLog(`c${prefixes++}`), {
    runner: { describe, it },
    makePeer: ({ options }) => makeLog(options.prefix!),
    close: ({ layer }) => layer.close(),
  })

  describePresenceStore('as a store of presence', () => makeLog(`c${prefixes++}`), {
    runner: { describe, it },
    close: ({ layer }) => layer.close(),
  })

  it('distributes groups over the nodes, as shard channels', async () => {
    const layer = await makeLayer({}, 'spread')
    for (let number = 0; number < 60; number++) await layer.groupAdd(`room-${number}`, layer.newChannel())
    const shardChannels = servers.map(
      ({ client }) => client.pubsub('SHARDCHANNELS', 'spread__group__*') as Promise<string[]>,
    )
    const counts = (await Promise.all(shardChannels)).map(({ length }) => length)
    expect(counts.filter((count) => count > 0)).toHaveLength(3)
    expect(counts.reduce((sum, count) => sum + count)).toBe(60)
    await layer.close()
  })

  it('follows slots that move to another node', async () => {
    const [layer, sender] = [await makeLayer({}, 'moving'), await makeLayer({}, 'moving')]
    const channel = layer.newChannel()
    await layer.groupAdd('room', channel)
    const slot = slotOf('moving__group__room')
    const [from, to] = await ownerAndOther(servers, slot)
    const [fromId, toId] = [await nodeId(from), await nodeId(to)]
    const move = (server: RedisServer, ...args: string[]): Promise<unknown> =>
      server.client.call('CLUSTER', 'SETSLOT', String(slot), ...args)
    await move(to, 'IMPORTING', fromId)
    await move(from, 'MIGRATING', toId)
    await move(to, 'NODE', toId)
    await move(from, 'NODE', toId)
    await patiently(async () => {
      await sender.groupSend('room', { type: 'moved' })
      expect(await layer.receive(channel, { signal: AbortSignal.timeout(200) })).toEqual({ type: 'moved' })
    })
    await Promise.all([layer.close(), sender.close()])
  })

  it('fails over to the replica of a dead master, and emits gap', async () => {
    const [layer, sender] = [await makeLayer({}, 'failover'), await makeLayer({}, 'failover')]
    const channels = Array.from({ length: 30 }, () => layer.newChannel())
    for (const [number, channel] of channels.entries()) await layer.groupAdd(`room-${number}`, channel)
    const [master] = await ownerAndOther(servers, slotOf('failover__group__room-0'))
    const gone = new Promise((resolve) => layer.on('disconnected', resolve))
    const back = [layer, sender].map((one) => new Promise((resolve) => one.on('reconnected', resolve)))
    await master.crash()
    await gone
    expect(await Promise.all(back)).toMatchObject([{ gap: true }, { gap: true }])
    await patiently(() => sender.send(channels[0]!, { type: 'direct' }))
    for (const [number, channel] of channels.entries()) {
      await sender.groupSend(`room-${number}`, { type: 'grouped', number })
      const received = []
      do received.push(await layer.receive(channel, { signal: AbortSignal.timeout(30_000) }))
      while (received.at(-1)!.type === 'direct')
      expect(received.at(-1)).toEqual({ type: 'grouped', number })
    }
    await sender.send('jobs', { type: 'job' })
    expect(await layer.receive('jobs')).toEqual({ type: 'job' })
    await Promise.all([layer.close(), sender.close()])
  }, 120_000)

  it('rejects a server that is not a cluster, and hosts together with cluster', async () => {
    const single = await RedisServer.start()
    const layer = new RedisPubSubChannelLayer({ cluster: { cluster: [single.address] } })
    await expect(layer.ready()).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('is not a node of a Redis Cluster'),
    })
    await layer.close()
    await single.stop()
    expect(() => new RedisPubSubChannelLayer({ hosts: [single.url], cluster: { cluster: [single.address] } })).toThrow(
      /either hosts or cluster/,
    )
    expect(() => new RedisPubSubChannelLayer({ cluster: { cluster: [] } })).toThrow(/cluster must be an array/)
  })
})

/** Three masters with one replica each. */
async function startCluster(): Promise<RedisServer[]> {
  const busPorts = await Promise.all(Array.from({ length: 6 }, () => freePort()))
  const servers = await Promise.all(
    busPorts.map((busPort) =>
      RedisServer.start('--cluster-enabled', 'yes', '--cluster-node-timeout', '3000', '--cluster-port', `${busPort}`),
    ),
  )
  const call = (server: RedisServer, ...args: (string | number)[]): Promise<unknown> =>
    server.client.call('CLUSTER', ...args)
  const [first] = servers
  const third = Math.ceil(SLOTS / 3)
  for (const [number, server] of servers.entries()) {
    await call(server, 'SET-CONFIG-EPOCH', number + 1)
    if (number < 3) await call(server, 'ADDSLOTSRANGE', number * third, Math.min((number + 1) * third, SLOTS) - 1)
    if (number > 0) await call(server, 'MEET', '127.0.0.1', first!.port, busPorts[0]!)
  }
  const nodes = (server: RedisServer) => async (): Promise<string> => (await call(server, 'NODES')) as string
  const info = (server: RedisServer) => async (): Promise<string> => (await call(server, 'INFO')) as string
  await Promise.all(servers.map((server) => said(info(server), /cluster_known_nodes:6/)))
  for (const [number, replica] of servers.slice(3).entries()) {
    await call(replica, 'REPLICATE', await nodeId(servers[number]!))
  }
  await Promise.all(servers.map((server) => said(info(server), /cluster_state:ok/)))
  await Promise.all(servers.map((server) => said(nodes(server), /(slave [^\n]* connected\n[^]*){3}/)))
  // A replica that never synchronized with its master does not replace it.
  const link = (server: RedisServer) => (): Promise<string> => server.client.info('replication')
  await Promise.all(servers.slice(3).map((server) => said(link(server), /master_link_status:up/)))
  return servers
}

async function nodeId(server: RedisServer): Promise<string> {
  return (await server.client.call('CLUSTER', 'MYID')) as string
}

/** Returns the master of the slot, and another master. */
async function ownerAndOther(servers: readonly RedisServer[], slot: number): Promise<[RedisServer, RedisServer]> {
  const slots = (await servers[0]!.client.cluster('SLOTS')) as unknown as [number, number, [string, number]][]
  const at = (port: number): RedisServer => servers.find((server) => server.port === port)!
  const owner = slots.find(([first, last]) => first <= slot && slot <= last)![2][1]
  return [at(owner), at(slots.find(([, , [, port]]) => port !== owner)![2][1])]
}

/** Waits until the reply matches. */
async function said(ask: () => Promise<string>, wanted: RegExp): Promise<void> {
  await patiently(async () => {
    const answer = await ask()
    if (!wanted.test(answer)) throw new Error(`Not yet ${String(wanted)}:\n${answer}`)
  })
}

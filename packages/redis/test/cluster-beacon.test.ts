import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { SLOTS } from '../src/pub-sub/cluster-slot.ts'
import { RedisPubSubChannelLayer } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

describeWith(['redis'], 'the subscriber connection to a node of a Redis Cluster', () => {
  let node: RedisServer
  /** A cluster of its own: it accepts subscriptions, answers PING, and has no messages. */
  let mute: RedisServer
  let proxy: TcpProxy
  let layer: RedisPubSubChannelLayer

  beforeAll(async () => {
    ;[node, mute] = await Promise.all([startNode(), startNode()])
    proxy = await TcpProxy.start(node.port)
    await node.client.config('SET', 'cluster-announce-port', String(proxy.port))
    layer = new RedisPubSubChannelLayer({
      cluster: { cluster: [['127.0.0.1', proxy.port]] },
      heartbeatIntervalMs: 300,
      maxReconnectDelayMs: 100,
    })
    await layer.ready()
  })
  afterAll(async () => {
    await layer?.close()
    await proxy?.stop()
    await Promise.all([node?.stop(), mute?.stop()])
  })

  it('is replaced if the node answers PING and delivers nothing, and followers get every event', async () => {
    const bodies: string[] = []
    const { cursor } = await layer.keptGroups.follow('room', {
      onEntry: ({ body }) => void bodies.push(body),
      onVolatile: () => {},
      onReset: ({ why }) => void bodies.push(`reset ${why}`),
    })
    cursor.start()
    await layer.keptGroups.publish('room', '"one"')
    await patiently(() => expect(bodies).toEqual(['"one"']))

    proxy.subscriberTarget = mute.port
    await node.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await patiently(async () => {
      expect(await mute.client.call('PUBSUB', 'SHARDCHANNELS', '*room*')).toHaveLength(1)
    })
    proxy.subscriberTarget = undefined
    const { reconnects } = layer.stats()
    await layer.keptGroups.publish('room', '"two"')
    await patiently(() => expect(bodies).toEqual(['"one"', '"two"']))
    await patiently(() => expect(layer.stats().reconnects).toBeGreaterThan(reconnects))
    expect(layer.stats().beaconMisses).toBe(1)
  })

  it('stays if its node delivers', async () => {
    const { reconnects, beaconMisses } = layer.stats()
    const before = await beacons(node)
    // The layer replaces a connection without a beacon at the second heartbeat.
    await patiently(async () => expect(await beacons(node)).toBeGreaterThan(before + 5))
    expect(layer.stats()).toMatchObject({ reconnects, beaconMisses })
  })
})

/** A cluster of one node. */
async function startNode(): Promise<RedisServer> {
  const server = await RedisServer.start('--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`)
  await server.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, SLOTS - 1)
  await patiently(async () => {
    if (!((await server.client.call('CLUSTER', 'INFO')) as string).includes('cluster_state:ok'))
      throw new Error('not yet')
  })
  return server
}

/** How many messages the node has published in shards. */
async function beacons(server: RedisServer): Promise<number> {
  return Number(/cmdstat_spublish:calls=(\d+)/.exec(await server.client.info('commandstats'))?.[1] ?? 0)
}

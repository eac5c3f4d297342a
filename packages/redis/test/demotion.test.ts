import { afterEach, beforeEach, expect, it } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import {
  RedisChannelLayer,
  RedisPubSubChannelLayer,
  type RedisLayerEvents,
  type RedisLayerOptions,
} from '../src/index.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
const kinds = ['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const
type Layer = RedisPubSubChannelLayer | RedisChannelLayer

const hasty = { heartbeatIntervalMs: 300, maxReconnectDelayMs: 100 }

// A service that replaces a failed master keeps the name, and does not always close connections to the old master.
describeWith(['redis'], 'Redis layers at a failover behind one name', () => {
  let old: RedisServer
  let promoted: RedisServer
  let name: TcpProxy
  let made: Layer[] = []

  beforeEach(async () => {
    old = await RedisServer.start('--repl-diskless-sync-delay', '0')
    promoted = await RedisServer.start('--repl-diskless-sync-delay', '0', '--replicaof', `127.0.0.1 ${old.port}`)
    await linkIsUp(promoted)
    name = await TcpProxy.start(old.port)
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
    await name.stop()
    await Promise.all([old.stop(), promoted.stop()])
  })

  async function makeLayer(kind: (typeof kinds)[number], options: RedisLayerOptions = {}): Promise<Layer> {
    const layer = new layers[kind]({ ...hasty, hosts: [name.url], ...options })
    made.push(layer)
    await layer.ready()
    return layer
  }

  async function join(layer: Layer): Promise<string[]> {
    const types: string[] = []
    const channel = layer.newChannel()
    layer.attach(channel, {
      deliver({ type }) {
        types.push(type)
        return 'delivered'
      },
    })
    await layer.groupAdd('room', channel)
    return types
  }

  function next<Name extends keyof RedisLayerEvents>(layer: Layer, event: Name): Promise<RedisLayerEvents[Name]> {
    return new Promise((resolve) => layer.on(event, resolve))
  }

  async function failOver(): Promise<void> {
    await promoted.client.replicaof('NO', 'ONE')
    await old.client.replicaof('127.0.0.1', promoted.port)
    await linkIsUp(old)
    name.target = promoted.port
  }

  it.each(kinds)('detect it with %s on an open connection, and emit gap in all processes', async (kind) => {
    const before = await makeLayer(kind)
    const typesBefore = await join(before)
    const back = next(before, 'reconnected')
    await failOver()
    const after = await makeLayer(kind)
    const gap = next(after, 'gap')
    const typesAfter = await join(after)
    expect(await back).toMatchObject({ host: name.url, gap: true })
    expect(await gap).toMatchObject({ groups: ['room'], reason: 'dropped' })
    await before.groupSend('room', { type: 'from.before' })
    await after.groupSend('room', { type: 'from.after' })
    for (const types of [typesBefore, typesAfter]) {
      await patiently(() => expect(types).toEqual(expect.arrayContaining(['from.before', 'from.after'])))
    }
  })

  it('stay disconnected while the name leads to the replica', async () => {
    const layer = await makeLayer('RedisPubSubChannelLayer', { waitWhileDownMs: 0 })
    const back = next(layer, 'reconnected')
    const gone = next(layer, 'disconnected')
    await promoted.client.replicaof('NO', 'ONE')
    await old.client.replicaof('127.0.0.1', promoted.port)
    await gone
    // Each attempt sends ROLE and is dropped.
    await old.client.config('RESETSTAT')
    await patiently(async () => expect(await calls(old, 'role')).toBeGreaterThan(3))
    await expect(layer.send('jobs', { type: 'job' })).rejects.toThrow(/is gone \(it is a replica now\)/)
    name.target = promoted.port
    await back
    await layer.send('jobs', { type: 'job' })
  })

  it.each(kinds)('keep %s connected if the ACL forbids ROLE', async (kind) => {
    await old.client.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-role')
    const url = new URL(name.url)
    url.username = 'limited'
    url.password = 'secret'
    const layer = await makeLayer(kind, { hosts: [url.href] })
    const types = await join(layer)
    // Each connection of the layer asks for its role once, and learns that it may not.
    for (const _ of ['asked once', 'not asked again']) {
      await old.client.config('RESETSTAT')
      await patiently(async () => expect(await calls(old, 'ping')).toBeGreaterThan(5))
    }
    expect(await calls(old, 'role')).toBe(0)
    await layer.groupSend('room', { type: 'here' })
    await patiently(() => expect(types).toEqual(['here']))
    expect(layer.stats().reconnects).toBe(0)
  })

  it('use a replica if they never connected to a master', async () => {
    const layer = await makeLayer('RedisPubSubChannelLayer', { hosts: [promoted.url] })
    const types = await join(layer)
    await promoted.client.config('RESETSTAT')
    await patiently(async () => expect(await calls(promoted, 'role')).toBeGreaterThan(1))
    await layer.groupSend('room', { type: 'here' })
    await patiently(() => expect(types).toEqual(['here']))
    expect(layer.stats().reconnects).toBe(0)
  })

  it('drop a subscriber that answers PING but receives nothing', async () => {
    const layer = await makeLayer('RedisPubSubChannelLayer')
    const types = await join(layer)
    // Two masters: the subscriber stays connected to the master without messages.
    await promoted.client.replicaof('NO', 'ONE')
    name.target = promoted.port
    const gap = next(layer, 'gap')
    const [, id] = /\bid=(\d+) .*name=tideway-commands /.exec((await old.client.call('CLIENT', 'LIST')) as string)!
    await old.client.call('CLIENT', 'KILL', 'ID', id!)
    expect(await gap).toMatchObject({ groups: ['room'], reason: 'disconnected' })
    await layer.ready()
    await layer.groupSend('room', { type: 'here' })
    await patiently(() => expect(types).toEqual(['here']))
  })
})

async function linkIsUp(replica: RedisServer): Promise<void> {
  await patiently(async () => expect(await replica.client.info('replication')).toMatch(/master_link_status:up/))
}

/** Returns the number of calls of a command, including rejected ones. */
async function calls(server: RedisServer, command: string): Promise<number> {
  const line = new RegExp(`cmdstat_${command}:calls=(\\d+).*rejected_calls=(\\d+)`)
  const [, called, rejected] = line.exec(await server.client.info('commandstats')) ?? []
  return Number(called ?? 0) + Number(rejected ?? 0)
}

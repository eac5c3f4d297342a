import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { ChannelReceiver } from 'tideway/layer'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import {
  RedisChannelLayer,
  RedisPubSubChannelLayer,
  type RedisChannelLayerOptions,
  type RedisLayerEvents,
} from '../src/index.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
const kinds = ['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const
type Layer = RedisPubSubChannelLayer | RedisChannelLayer
type Gap = RedisLayerEvents['gap']

/** No heartbeat during the test, so no connection is dropped for silence. */
const QUIET = { heartbeatIntervalMs: 60_000, maxReconnectDelayMs: 100 }

let server: RedisServer
let made: Layer[] = []
let proxies: TcpProxy[] = []
const gapsOf = new WeakMap<Layer, Gap[]>()

async function makeLayer(kind: (typeof kinds)[number], options: RedisChannelLayerOptions = {}): Promise<Layer> {
  const layer = new layers[kind]({ ...QUIET, hosts: [server.url], ...options })
  made.push(layer)
  const gaps: Gap[] = []
  gapsOf.set(layer, gaps)
  layer.on('gap', (gap) => gaps.push(gap))
  await layer.ready()
  return layer
}

async function makeProxy(target: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(target)
  proxies.push(proxy)
  return proxy
}

async function join(layer: Layer, ...groups: string[]): Promise<string[]> {
  const types: string[] = []
  const receiver: ChannelReceiver = {
    deliver({ type }) {
      types.push(type)
      return 'delivered'
    },
  }
  const channel = layer.newChannel()
  layer.attach(channel, receiver)
  for (const group of groups) await layer.groupAdd(group, channel)
  return types
}

function next<Name extends keyof RedisLayerEvents>(layer: Layer, name: Name): Promise<RedisLayerEvents[Name]> {
  return new Promise((resolve) => layer.on(name, resolve))
}

/** Returns the ids of the connections of one role in Redis. */
async function connections(name: string, at: RedisServer = server): Promise<string[]> {
  const clients = (await at.client.call('CLIENT', 'LIST')) as string
  return clients
    .split('\n')
    .filter((line) => line.includes(`name=tideway-${name} `))
    .map((line) => /\bid=(\d+)/.exec(line)![1]!)
}

/** Creates a layer whose command connection a test can kill. */
async function makeKillable(
  kind: (typeof kinds)[number],
  options: RedisChannelLayerOptions,
): Promise<{ layer: Layer; kill: () => Promise<unknown> }> {
  const before = await connections('commands')
  const layer = await makeLayer(kind, options)
  const [id] = (await connections('commands')).filter((one) => !before.includes(one))
  return { layer, kill: () => server.client.call('CLIENT', 'KILL', 'ID', id!) }
}

afterEach(async () => {
  await Promise.all(made.map((layer) => layer.close()))
  await Promise.all(proxies.map((proxy) => proxy.stop()))
  made = []
  proxies = []
})

describeWith(['redis'], 'the gap event of Redis layers', () => {
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterEach(() => server.client.flushall())
  afterAll(() => server.stop())

  describe.each(kinds)('under %s', (kind) => {
    it('lists the groups, also in processes whose connections were not lost', async () => {
      const { layer: sender, kill } = await makeKillable(kind, { waitWhileDownMs: 0 })
      const receiver = await makeLayer(kind)
      await join(sender, 'room')
      await join(receiver, 'room', 'quiet-room')
      const stranger = await makeLayer(kind)
      await join(stranger, 'elsewhere')
      const disconnected: unknown[] = []
      receiver.on('disconnected', (event) => disconnected.push(event))
      const back = next(sender, 'reconnected')
      const dropped = next(sender, 'disconnected').then(() => sender.groupSend('room', { type: 'lost' }))
      await kill()
      await dropped
      expect(await back).toMatchObject({ gap: true })
      const gap = { host: server.url, groups: ['room'], reason: 'dropped' }
      await patiently(() => expect([gapsOf.get(receiver), gapsOf.get(sender)]).toEqual([[gap], [gap]]))
      expect(sender.stats()).toMatchObject({ gaps: 1, dropped: { unavailable: 1 } })
      expect([receiver.stats().gaps, stranger.stats().gaps]).toEqual([1, 0])
      expect(disconnected).toEqual([])
    })

    it('is not emitted while group sends wait for the reconnect, which keep their order', async () => {
      const { layer: sender, kill } = await makeKillable(kind, {})
      const receiver = await makeLayer(kind)
      const types = await join(receiver, 'room')
      const sends: Promise<void>[] = []
      const back = next(sender, 'reconnected')
      const waiting = next(sender, 'disconnected').then(() => {
        for (let number = 0; number < 50; number++) sends.push(sender.groupSend('room', { type: `n${number}` }))
      })
      await kill()
      await waiting
      expect(await back).toMatchObject({ gap: false })
      sends.push(sender.groupSend('room', { type: 'last' }))
      await Promise.all(sends)
      await patiently(() => expect(types).toEqual([...Array.from({ length: 50 }, (_, n) => `n${n}`), 'last']))
      expect([receiver.stats().gaps, sender.stats().dropped.unavailable]).toEqual([0, 0])
    })

    it('lists all groups if more than 1,000 groups missed messages', async () => {
      const { layer: sender, kill } = await makeKillable(kind, { waitWhileDownMs: 0 })
      const receiver = await makeLayer(kind)
      await join(receiver, 'one', 'two')
      const dropped = next(sender, 'disconnected').then(() => {
        const groups = Array.from({ length: 1001 }, (_, number) => `room-${number}`)
        return Promise.all(groups.map((group) => sender.groupSend(group, { type: 'lost' })))
      })
      await kill()
      await dropped
      await patiently(() => expect(gapsOf.get(receiver)).toMatchObject([{ groups: ['one', 'two'] }]))
    })

    it('is emitted after a group send without a reply in time, without a lost connection', async () => {
      const sender = await makeLayer(kind, { commandTimeoutMs: 100 })
      const receiver = await makeLayer(kind)
      await join(receiver, 'room')
      server.signal('SIGSTOP')
      try {
        await sender.groupSend('room', { type: 'late' })
        expect(sender.stats().dropped.unavailable).toBe(1)
      } finally {
        server.signal('SIGCONT')
      }
      await patiently(() => expect(gapsOf.get(receiver)).toMatchObject([{ groups: ['room'], reason: 'dropped' }]))
      expect([sender.stats().reconnects, receiver.stats().reconnects]).toEqual([0, 0])
    })

    it('lists all groups after the loss of the receiving connection', async () => {
      const receiver = await makeLayer(kind)
      await join(receiver, 'one', 'two')
      const name = kind === 'RedisChannelLayer' ? 'reader' : 'subscriber'
      const back = next(receiver, 'reconnected')
      for (const id of await connections(name)) await server.client.call('CLIENT', 'KILL', 'ID', id)
      expect(await back).toMatchObject({ gap: true })
      await patiently(() =>
        expect(gapsOf.get(receiver)).toEqual([{ host: server.url, groups: ['one', 'two'], reason: 'disconnected' }]),
      )
    })

    it('is not emitted if the event loop was blocked and replies have arrived', async () => {
      const layer = await makeLayer(kind, { commandTimeoutMs: 100 })
      const types = await join(layer, 'room')
      const channel = layer.newChannel()
      const calls = [
        layer.groupAdd('other', channel),
        layer.send(channel, { type: 'direct' }),
        layer.send('jobs', { type: 'job' }),
        layer.groupSend('room', { type: 'grouped' }),
      ]
      const end = performance.now() + 500
      while (performance.now() < end);
      await Promise.all(calls)
      expect(await layer.receive('jobs')).toEqual({ type: 'job' })
      expect(await layer.receive(channel)).toEqual({ type: 'direct' })
      await patiently(() => expect(types).toEqual(['grouped']))
      expect(layer.stats()).toMatchObject({ gaps: 0, reconnects: 0, dropped: { unavailable: 0 } })
    })
  })

  describe('under RedisChannelLayer alone', () => {
    it('is emitted in a process whose queue was full', async () => {
      const proxy = await makeProxy(server.port)
      const receiver = await makeLayer('RedisChannelLayer', { hosts: [proxy.url] })
      const other = await makeLayer('RedisChannelLayer')
      const sender = await makeLayer('RedisChannelLayer', { processCapacity: 5 })
      const types = await join(receiver, 'room', 'quiet-room')
      await join(other, 'other', 'quiet-room')
      proxy.pause()
      for (let number = 0; number < 20; number++) await sender.groupSend('room', { type: `n${number}` })
      expect(sender.stats().dropped.full).toBeGreaterThan(0)
      proxy.resume()
      const gap = { host: proxy.url, groups: ['room'], reason: 'dropped' }
      await patiently(() => expect(gapsOf.get(receiver)).toEqual([gap]))
      await patiently(() => expect(types).toHaveLength(20 - sender.stats().dropped.full))
      expect([receiver.stats().reconnects, other.stats().gaps]).toEqual([0, 0])
    })

    it.each([
      ['its lease', { leaseMs: 300 }],
      ['the expiry of its messages', { leaseMs: 60_000, expiry: 0.3 }],
    ])('is emitted in a process that was silent for longer than %s', async (_, options) => {
      const proxy = await makeProxy(server.port)
      const receiver = await makeLayer('RedisChannelLayer', { ...options, hosts: [proxy.url] })
      const sender = await makeLayer('RedisChannelLayer', options)
      const types = await join(receiver, 'one', 'two')
      proxy.pause()
      const queue = `asgi${receiver.newChannel().split('!')[0]}!`
      const hasWaiting = async (type: string): Promise<boolean> =>
        (await server.client.zrange(queue, '0', '-1')).some((message) => message.includes(type))
      // The blocked command of the reader took the first message.
      while (!(await hasWaiting('taken'))) await sender.groupSend('one', { type: 'taken' })
      await sender.groupSend('one', { type: 'lost' })
      // The sender removes the message with the queue, or at the next send.
      await patiently(async () => {
        await sender.groupSend('one', { type: 'later' })
        expect(await hasWaiting('lost')).toBe(false)
      })
      proxy.resume()
      await patiently(() =>
        expect(gapsOf.get(receiver)![0]).toEqual({ host: proxy.url, groups: ['one', 'two'], reason: 'removed' }),
      )
      await sender.groupSend('two', { type: 'after' })
      await patiently(() => expect(types).toContain('after'))
      expect(types).not.toContain('lost')
      expect(receiver.stats().reconnects).toBe(0)
      expect(receiver.stats().gaps).toBeGreaterThan(0)
    })

    it('is emitted if the command connection reconnects after the lease', async () => {
      const proxy = await makeProxy(server.port)
      const receiver = await makeLayer('RedisChannelLayer', { hosts: [proxy.url], leaseMs: 60_000 })
      await join(receiver, 'room')
      // The state after another process removed it. Its reader still blocks on a connection that was not lost.
      await server.client.del('asgi:group:room', 'asgi:tideway:processes')
      const back = next(receiver, 'reconnected')
      for (const id of await connections('commands')) await server.client.call('CLIENT', 'KILL', 'ID', id)
      await back
      await patiently(() => expect(gapsOf.get(receiver)).toMatchObject([{ groups: ['room'], reason: 'removed' }]))
    })
  })
})

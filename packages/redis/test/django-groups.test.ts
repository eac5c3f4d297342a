import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { formatPosition, type Message } from 'tideway/layer'
import { defineGroup } from 'tideway/live'
import { z } from 'zod'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisPubSubChannelLayer, type RedisPubSubChannelLayerOptions } from '../src/index.ts'
import { append } from '../src/log/scripts/append.ts'
import { map, PythonPeer, type PythonLayer } from './python-peer.ts'
import { RedisServer } from './redis-server.ts'

const room = defineGroup('room', {
  events: { said: z.object({ text: z.string() }) },
  history: { size: 200, ttlMs: 600_000 },
})

interface Follower {
  readonly entries: { readonly at: string; readonly body: unknown }[]
  readonly volatile: unknown[]
}

describeWith(['redis', 'python'], 'kept groups shared with Django', () => {
  let servers: RedisServer[]
  let python: PythonPeer
  let prefixes = 0
  const layers: RedisPubSubChannelLayer[] = []

  beforeAll(async () => {
    servers = await Promise.all([1, 2].map(() => RedisServer.start()))
    python = await PythonPeer.start()
  })
  afterEach(async () => {
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
  })
  afterAll(async () => {
    await python.stop()
    await Promise.all(servers.map((server) => server.stop()))
  })

  async function both(
    kind: 'tideway' | 'pubsub',
    options: RedisPubSubChannelLayerOptions = {},
    config: object = {},
    hosts = 2,
  ): Promise<{ layer: RedisPubSubChannelLayer; django: PythonLayer; shared: object }> {
    const shared = { prefix: `d${prefixes++}`, hosts: servers.slice(0, hosts).map(({ url }) => url) }
    const layer = new RedisPubSubChannelLayer({ ...shared, interop: 'channels_redis', ...options })
    layers.push(layer)
    await layer.ready()
    const kept = kind === 'tideway' ? { kept_groups: { room: { size: 200, ttl_ms: 600_000 } } } : {}
    return { layer, shared, django: await python.layer(kind, { ...shared, ...kept, ...config }) }
  }

  async function follow(layer: RedisPubSubChannelLayer, group: string): Promise<Follower> {
    const seen: Follower = { entries: [], volatile: [] }
    const follower = {
      onEntry: (entry: { readonly epoch: string; readonly offset: number; readonly body: string }) =>
        void seen.entries.push({ at: formatPosition(entry), body: JSON.parse(entry.body) as unknown }),
      onVolatile: (body: string) => void seen.volatile.push(JSON.parse(body)),
      onReset() {},
    }
    const { cursor } = await layer.keptGroups.follow(group, follower)
    cursor.start()
    return seen
  }

  it('have the same script in integrations/python', async () => {
    const script = (await python.do('append-script')) as string
    expect(script).toBe(append.lua)
    expect(createHash('sha1').update(script).digest('hex')).toBe(append.sha)
  })

  it('get events of the layer of tideway with positions, once per id, between those of tideway', async () => {
    const { layer, django } = await both('tideway')
    // The ids place the groups on both hosts.
    for (const id of ['a', 'b', 'c', 'd']) {
      const group = room(id)
      const seen = await follow(layer, group.name)
      const first = await group.publish(layer, 'said', { text: 'from tideway' })
      const said = map({ type: 'said', text: 'from Django 🙂' })
      const second = (await django.groupSend(group.name, said, 'order-1')) as typeof first
      expect(second).toEqual({ position: first.position.replace(/:1$/, ':2'), duplicate: false })
      expect(await django.groupSend(group.name, said, 'order-1')).toEqual({ ...second, duplicate: true })
      const body = { text: 'again' }
      expect(await group.publish(layer, 'said', body, { id: 'order-1' })).toEqual({ ...second, duplicate: true })
      const third = await group.publish(layer, 'said', { text: 'last' })
      await expect.poll(() => seen.entries).toHaveLength(3)
      expect(seen.entries.map(({ at }) => at)).toEqual([first, second, third].map(({ position }) => position))
      expect(seen.entries[1]!.body).toEqual({ e: 'said', d: { text: 'from Django 🙂' }, id: 'order-1' })
      expect((await group.history(layer)).map(({ data }) => data.text)).toEqual([
        'from tideway',
        'from Django 🙂',
        'last',
      ])
    }
  })

  it('send the events of Django to its own consumers too, unless the setting has "channels": False', async () => {
    // One host keeps the order of messages to different groups.
    const { layer, django, shared } = await both('tideway', { djangoEvents: ['room'] }, {}, 1)
    const seen = await follow(layer, 'room.lobby')
    const channel = await django.newChannel()
    await django.groupAdd('room.lobby', channel)
    const { position } = (await django.groupSend('room.lobby', map({ type: 'said', text: 'a' }))) as {
      position: string
    }
    expect(await django.receive(channel)).toEqual(map({ type: 'said', text: 'a', __tideway_position__: position }))
    await expect.poll(() => seen.entries).toHaveLength(1)
    // Other groups of the layer of tideway are those of channels_redis.
    const own = layer.newChannel()
    await layer.groupAdd('news', own)
    expect(await django.groupSend('news', map({ type: 'plain' }))).toBeNull()
    const receive = (): Promise<Message> => layer.receive(own, { signal: AbortSignal.timeout(10_000) })
    expect(await receive()).toEqual({ type: 'plain' })
    expect(seen.volatile).toEqual([])
    expect(layer.stats().keptGroups!.foreign).toBe(0)
    await layer.groupAdd('room.quiet', own)
    const quiet = await python.layer('tideway', { ...shared, kept_groups: { room: { channels: false } } })
    await quiet.groupSend('room.quiet', map({ type: 'said', text: 'b' }))
    await quiet.groupSend('news', map({ type: 'after' }))
    expect(await receive()).toEqual({ type: 'after' })
  })

  it('get messages of the layer of channels_redis as volatile events, and count them', async () => {
    const { layer, django } = await both('pubsub', { djangoEvents: ['room'] })
    const seen = await follow(layer, 'room.lobby')
    const other = await follow(layer, 'other.lobby')
    const channel = layer.newChannel()
    await layer.groupAdd('room.lobby', channel)
    await layer.groupDiscard('room.lobby', channel)
    await django.groupSend('other.lobby', map({ type: 'said', text: 'not followed' }))
    await django.groupSend('room.lobby', map({ type: 'photo', bytes: { $bytes: '00ff' } }))
    await django.groupSend('room.lobby', map({ type: 'said', text: 'hi' }))
    await expect.poll(() => seen.volatile).toEqual([{ e: 'said', d: { text: 'hi' } }])
    expect(seen.entries).toEqual([])
    expect(other).toEqual({ entries: [], volatile: [] })
    expect(layer.stats()).toMatchObject({ keptGroups: { foreign: 1 }, dropped: { malformed: 1 } })
  })

  it('get encrypted events of Django', async () => {
    const keys = ['a key of more than thirty-two bytes, for tests']
    const config = { symmetric_encryption_keys: keys, kept_groups: { room: { channels: false } } }
    const { layer, django } = await both('tideway', { symmetricEncryptionKeys: keys }, config)
    await django.groupSend('room.lobby', map({ type: 'said', text: 'secret' }))
    expect((await room('lobby').history(layer)).map(({ data }) => data)).toEqual([{ text: 'secret' }])
  })

  it('refuse djangoEvents without interop', () => {
    const make = (): unknown => new RedisPubSubChannelLayer({ djangoEvents: ['room'] })
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })
})

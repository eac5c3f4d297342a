import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Message } from 'tideway/layer'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisPubSubChannelLayer, type RedisPubSubChannelLayerOptions } from '../src/index.ts'
import { everyType, everyTypeInPython } from './every-type.ts'
import { bytes, int, map, PythonPeer, type PythonLayer } from './python-peer.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis', 'python'], 'the pub/sub layers of tideway and of channels_redis', () => {
  let servers: RedisServer[]
  let python: PythonPeer
  const layers: RedisPubSubChannelLayer[] = []

  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => RedisServer.start()))
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
    options: RedisPubSubChannelLayerOptions = {},
    { hosts = 1, coded = {} }: { hosts?: number; coded?: object } = {},
  ): Promise<{ layer: RedisPubSubChannelLayer; django: PythonLayer }> {
    const urls = servers.slice(0, hosts).map(({ url }) => url)
    const layer = new RedisPubSubChannelLayer({ ...options, hosts: urls, interop: 'channels_redis' })
    layers.push(layer)
    await layer.ready()
    const isCoded = Object.keys(coded).length > 0
    const config = { hosts: urls, prefix: options.prefix ?? 'asgi', ...(isCoded ? { coded } : {}) }
    return { layer, django: await python.layer(isCoded ? 'pubsub-coded' : 'pubsub', config) }
  }

  /** Python does not wait for the replies of Redis to its subscriptions. */
  async function pythonChannel(django: PythonLayer, ...groups: string[]): Promise<string> {
    const channel = await django.newChannel()
    for (const group of groups) await django.groupAdd(group, channel)
    for (const name of [channel, ...groups.map((group) => `asgi__group__${group}`)]) {
      const counts = (): Promise<unknown[]> => Promise.all(servers.map(({ client }) => client.pubsub('NUMSUB', name)))
      // There are two subscribers if tideway is in the group already.
      const wanted = name === channel ? 1 : 2
      await expect.poll(async () => (await counts()).flat().filter((count) => Number(count) === wanted)).toHaveLength(1)
    }
    return channel
  }

  const collect = (layer: RedisPubSubChannelLayer): { channel: string; next: () => Promise<Message> } => {
    const channel = layer.newChannel()
    return { channel, next: () => layer.receive(channel, { signal: AbortSignal.timeout(10_000) }) }
  }

  describe.each([1, 2, 3])('on %i host(s)', (hosts) => {
    it('share groups with members and senders on both sides', async () => {
      const { layer, django } = await both({}, { hosts })
      for (let number = 0; number < 4; number++) {
        const group = `room-${hosts}-${number}`
        const here = collect(layer)
        await layer.groupAdd(group, here.channel)
        const there = await pythonChannel(django, group)

        await django.groupSend(group, map({ type: 'from.python', number: int(number) }))
        expect(await here.next()).toEqual({ type: 'from.python', number })
        expect(await django.receive(there)).toEqual(map({ type: 'from.python', number: int(number) }))

        await layer.groupSend(group, { type: 'from.tideway', number })
        expect(await here.next()).toEqual({ type: 'from.tideway', number })
        expect(await django.receive(there)).toEqual(map({ type: 'from.tideway', number: int(number) }))

        await layer.groupDiscard(group, here.channel)
        await django.groupSend(group, map({ type: 'late' }))
        expect(await django.receive(there)).toEqual(map({ type: 'late' }))
      }
    })

    it('send to single channels of each other on every host', async () => {
      const { layer, django } = await both({}, { hosts })
      for (let number = 0; number < 6; number++) {
        const here = collect(layer)
        await django.send(here.channel, map({ type: 'direct', number: int(number) }))
        expect(await here.next()).toEqual({ type: 'direct', number })

        const there = await pythonChannel(django)
        await layer.send(there, { type: 'direct', number })
        expect(await django.receive(there)).toEqual(map({ type: 'direct', number: int(number) }))
      }
    })
  })

  it('keep every type in both directions', async () => {
    const { layer, django } = await both()
    const here = collect(layer)
    await django.send(here.channel, map({ ...everyTypeInPython, photo: bytes('00ff') }))
    expect(await here.next()).toEqual({ ...everyType, photo: new Uint8Array([0, 255]) })
    const there = await pythonChannel(django)
    await layer.send(there, { ...everyType, photo: new Uint8Array([0, 255]) })
    expect(await django.receive(there)).toEqual(map({ ...everyTypeInPython, photo: bytes('00ff') }))
  })

  it('keep every type except bytes in both directions with the json serializer', async () => {
    const { layer, django } = await both({ serializer: 'json' }, { coded: { json: true } })
    const here = collect(layer)
    await django.send(here.channel, map(everyTypeInPython))
    expect(await here.next()).toEqual(everyType)
    const there = await pythonChannel(django)
    await layer.send(there, everyType)
    expect(await django.receive(there)).toEqual(map(everyTypeInPython))
    await expect(layer.send(there, { type: 'x', photo: new Uint8Array(1) })).rejects.toMatchObject({
      code: 'ERR_BAD_MESSAGE',
    })
  })

  it('decrypt the messages of each other, also during a key rotation', async () => {
    const keys = { tideway: ['new', 'old'], python: ['old', 'new'] }
    const { layer, django } = await both({ symmetricEncryptionKeys: keys.tideway }, { coded: { keys: keys.python } })
    const here = collect(layer)
    await layer.groupAdd('secrets', here.channel)
    const there = await pythonChannel(django, 'secrets')
    await layer.groupSend('secrets', { type: 'with.new' })
    expect(await django.receive(there)).toEqual(map({ type: 'with.new' }))
    await django.groupSend('secrets', map({ type: 'with.old' }))
    expect(await here.next()).toEqual({ type: 'with.new' })
    expect(await here.next()).toEqual({ type: 'with.old' })
  })

  it('drop messages encrypted with another key, count them and emit malformed', async () => {
    const { layer, django } = await both({ symmetricEncryptionKeys: ['mine'] }, { coded: { keys: ['theirs'] } })
    const malformed = new Promise((resolve) => layer.on('malformed', resolve))
    const here = collect(layer)
    await django.send(here.channel, map({ type: 'unreadable' }))
    expect(await malformed).toMatchObject({ channel: here.channel, error: { message: expect.stringContaining('key') } })
    expect(layer.stats().dropped.malformed).toBe(1)
  })

  it('separate groups by prefix', async () => {
    const { layer } = await both({ prefix: 'one' })
    const { django } = await both({ prefix: 'two' })
    const here = collect(layer)
    await layer.groupAdd('room', here.channel)
    await django.groupSend('room', map({ type: 'elsewhere' }))
    await layer.groupSend('room', { type: 'here' })
    expect(await here.next()).toEqual({ type: 'here' })
  })

  it('carry 1 MB to each other', async () => {
    const { layer, django } = await both()
    const text = 'x'.repeat(1_000_000)
    const here = collect(layer)
    await django.send(here.channel, map({ type: 'large', text }))
    expect((await here.next())['text']).toBe(text)
    const there = await pythonChannel(django)
    await layer.send(there, { type: 'large', text })
    expect(await django.receive(there)).toEqual(map({ type: 'large', text }))
  })

  it('deliver a Django job to exactly one tideway worker', async () => {
    const { layer, django } = await both()
    const { layer: other } = await both()
    const stop = new AbortController()
    const done: unknown[] = []
    const work = async (worker: RedisPubSubChannelLayer): Promise<void> => {
      for (;;) done.push((await worker.receive('thumbnails', { signal: stop.signal }))['number'])
    }
    const workers = [layer, other].map((worker) => work(worker).catch(() => {}))
    await expect.poll(() => servers[0]!.client.pubsub('NUMSUB', 'thumbnails')).toEqual(['thumbnails', 1])
    for (let number = 0; number < 20; number++)
      await django.send('thumbnails', map({ type: 'job', number: int(number) }))
    await expect.poll(() => done.length).toBe(20)
    stop.abort()
    await Promise.all(workers)
    expect(new Set(done).size).toBe(20)
  })

  it('deliver Django jobs to another worker after the listening worker has closed', async () => {
    const [{ layer, django }, { layer: other }] = [await both(), await both()]
    const listeners = (): Promise<unknown> => servers[0]!.client.pubsub('NUMSUB', 'emails')
    const first = layer.receive('emails').catch(() => 'closed')
    await expect.poll(listeners).toEqual(['emails', 1])
    const second = other.receive('emails')
    await expect.poll(() => servers[0]!.client.pubsub('NUMSUB', 'asgi:tideway:wake:{emails}')).toContain(2)
    await layer.close()
    expect(await first).toBe('closed')
    await expect.poll(listeners).toEqual(['emails', 1])
    await django.send('emails', map({ type: 'job' }))
    expect(await second).toEqual({ type: 'job' })
  })

  it('deliver a tideway job to a Django worker if there is no tideway worker', async () => {
    const { layer, django } = await both()
    const received = django.receive('reports')
    await expect.poll(() => servers[0]!.client.pubsub('NUMSUB', 'reports')).toEqual(['reports', 1])
    await layer.send('reports', { type: 'job' })
    expect(await received).toEqual(map({ type: 'job' }))
  })

  it('reject groupAdd with a channel of another process, as channels_redis does', async () => {
    const { layer, django } = await both()
    const there = await pythonChannel(django)
    await expect(layer.groupAdd('room', there)).rejects.toMatchObject({ code: 'ERR_BAD_NAME' })
    const { layer: other } = await both()
    await expect(layer.groupAdd('room', other.newChannel())).rejects.toThrow(/of its own process/)
  })
})

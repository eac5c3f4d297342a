import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Message } from 'tideway/layer'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisChannelLayer, type RedisChannelLayerOptions } from '../src/index.ts'
import { everyType, everyTypeInPython } from './every-type.ts'
import { bytes, int, map, PythonPeer, type PythonLayer } from './python-peer.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis', 'python'], 'the core layers of tideway and of channels_redis', () => {
  let servers: RedisServer[]
  let python: PythonPeer
  const layers: RedisChannelLayer[] = []

  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => RedisServer.start()))
    python = await PythonPeer.start()
  })
  afterEach(async () => {
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
    await Promise.all(servers.map(({ client }) => client.flushall()))
  })
  afterAll(async () => {
    await python.stop()
    await Promise.all(servers.map((server) => server.stop()))
  })

  async function both(
    options: RedisChannelLayerOptions = {},
    { hosts = 1, kind = 'core', config = {} }: { hosts?: number; kind?: 'core' | 'core-json'; config?: object } = {},
  ): Promise<{ layer: RedisChannelLayer; django: PythonLayer }> {
    const urls = servers.slice(0, hosts).map(({ url }) => url)
    const layer = new RedisChannelLayer({ ...options, hosts: urls })
    layers.push(layer)
    await layer.ready()
    return { layer, django: await python.layer(kind, { hosts: urls, ...config }) }
  }

  const collect = (layer: RedisChannelLayer): { channel: string; next: () => Promise<Message> } => {
    const channel = layer.newChannel()
    return { channel, next: () => layer.receive(channel, { signal: AbortSignal.timeout(10_000) }) }
  }

  describe.each([1, 2, 3])('on %i host(s)', (hosts) => {
    it('share groups with members and senders on both sides', async () => {
      const { layer, django } = await both({}, { hosts })
      for (let number = 0; number < 4; number++) {
        const group = `room-${number}`
        const here = [collect(layer), collect(layer)]
        const there = await django.newChannel()
        for (const { channel } of here) await layer.groupAdd(group, channel)
        await django.groupAdd(group, there)

        await django.groupSend(group, map({ type: 'from.python', number: int(number) }))
        for (const { next } of here) expect(await next()).toEqual({ type: 'from.python', number })
        expect(await django.receive(there)).toEqual(map({ type: 'from.python', number: int(number) }))

        await layer.groupSend(group, { type: 'from.tideway', number })
        for (const { next } of here) expect(await next()).toEqual({ type: 'from.tideway', number })
        expect(await django.receive(there)).toEqual(map({ type: 'from.tideway', number: int(number) }))

        for (const { channel } of here) await layer.groupDiscard(group, channel)
        await django.groupSend(group, map({ type: 'late' }))
        expect(await django.receive(there)).toEqual(map({ type: 'late' }))
      }
    })

    it('send to single channels of each other on every host', async () => {
      const { layer, django } = await both({}, { hosts })
      const there = await django.newChannel()
      for (let number = 0; number < 8; number++) {
        const here = collect(layer)
        await django.send(here.channel, map({ type: 'direct', number: int(number) }))
        expect(await here.next()).toEqual({ type: 'direct', number })
        await layer.send(there, { type: 'direct', number })
        expect(await django.receive(there)).toEqual(map({ type: 'direct', number: int(number) }))
      }
    })

    it('let Django add a tideway channel to a group and discard it', async () => {
      const { layer, django } = await both({}, { hosts })
      const [added, member] = [collect(layer), collect(layer)]
      await django.groupAdd('news', added.channel)
      await layer.groupAdd('news', member.channel)
      await django.groupSend('news', map({ type: 'one' }))
      await layer.groupSend('news', { type: 'two' })
      for (const { next } of [added, member]) {
        expect(await next()).toEqual({ type: 'one' })
        expect(await next()).toEqual({ type: 'two' })
      }
      await django.groupDiscard('news', added.channel)
      await layer.groupSend('news', { type: 'three' })
      await layer.send(added.channel, { type: 'marker' })
      expect(await added.next()).toEqual({ type: 'marker' })
    })
  })

  it('deliver a message once to a member that Django added too', async () => {
    const { layer, django } = await both()
    const here = collect(layer)
    await layer.groupAdd('news', here.channel)
    await django.groupAdd('news', here.channel)
    for (const send of [django.groupSend('news', map({ type: 'one' })), layer.groupSend('news', { type: 'two' })])
      await send
    await layer.send(here.channel, { type: 'marker' })
    const received = [await here.next(), await here.next(), await here.next()].map(({ type }) => type)
    expect(received.toSorted()).toEqual(['marker', 'one', 'two'])
    // groupDiscard also removes the membership that Django added.
    await layer.groupDiscard('news', here.channel)
    await expect.poll(() => servers[0]!.client.zrange('asgi:group:news', '0', '-1')).toEqual([])
  })

  it('let tideway add a Django channel to a group and discard it', async () => {
    const { layer, django } = await both()
    const there = await django.newChannel()
    await layer.groupAdd('news', there)
    await layer.groupSend('news', { type: 'one' })
    expect(await django.receive(there)).toEqual(map({ type: 'one' }))
    await layer.groupDiscard('news', there)
    await layer.groupSend('news', { type: 'two' })
    await layer.send(there, { type: 'marker' })
    expect(await django.receive(there)).toEqual(map({ type: 'marker' }))
  })

  it('skip excepted channels of both sides', async () => {
    const { layer, django } = await both()
    const [here, other] = [collect(layer), collect(layer)]
    const there = await django.newChannel()
    for (const { channel } of [here, other]) await layer.groupAdd('room', channel)
    await django.groupAdd('room', there)
    await layer.groupSend('room', { type: 'one' }, { except: [here.channel, there] })
    await layer.groupSend('room', { type: 'two' })
    expect(await here.next()).toEqual({ type: 'two' })
    expect(await other.next()).toEqual({ type: 'one' })
    expect(await django.receive(there)).toEqual(map({ type: 'two' }))
  })

  it('keep every type in both directions', async () => {
    const { layer, django } = await both()
    const here = collect(layer)
    await django.send(here.channel, map({ ...everyTypeInPython, photo: bytes('00ff') }))
    expect(await here.next()).toEqual({ ...everyType, photo: new Uint8Array([0, 255]) })
    const there = await django.newChannel()
    await layer.send(there, { ...everyType, photo: new Uint8Array([0, 255]) })
    expect(await django.receive(there)).toEqual(map({ ...everyTypeInPython, photo: bytes('00ff') }))
  })

  it('keep every type in both directions with the json serializer', async () => {
    const { layer, django } = await both({ serializer: 'json' }, { kind: 'core-json' })
    const here = collect(layer)
    await django.send(here.channel, map(everyTypeInPython))
    expect(await here.next()).toEqual(everyType)
    const there = await django.newChannel()
    await layer.send(there, everyType)
    expect(await django.receive(there)).toEqual(map(everyTypeInPython))
  })

  it('decrypt the messages of each other, also during a key rotation', async () => {
    const { layer, django } = await both(
      { symmetricEncryptionKeys: ['new', 'old'] },
      { config: { symmetric_encryption_keys: ['old', 'new'] } },
    )
    const here = collect(layer)
    const there = await django.newChannel()
    await layer.groupAdd('secrets', here.channel)
    await django.groupAdd('secrets', there)
    await layer.groupSend('secrets', { type: 'with.new' })
    expect(await django.receive(there)).toEqual(map({ type: 'with.new' }))
    await django.groupSend('secrets', map({ type: 'with.old' }))
    expect(await here.next()).toEqual({ type: 'with.new' })
    expect(await here.next()).toEqual({ type: 'with.old' })
  })

  it('receive jobs from each other', async () => {
    const { layer, django } = await both()
    await django.send('thumbnails', map({ type: 'job', number: int(1) }))
    expect(await layer.receive('thumbnails')).toEqual({ type: 'job', number: 1 })
    const waiting = layer.receive('thumbnails')
    await django.send('thumbnails', map({ type: 'job', number: int(2) }))
    expect(await waiting).toEqual({ type: 'job', number: 2 })
    await layer.send('reports', { type: 'job' })
    expect(await django.receive('reports')).toEqual(map({ type: 'job' }))
  })

  it('keep the order of messages from tideway to Django, also within one microsecond', async () => {
    const { layer, django } = await both()
    const there = await django.newChannel()
    await Promise.all(Array.from({ length: 50 }, (_, number) => layer.send(there, { type: 'n', number })))
    for (let number = 0; number < 50; number++) {
      expect(await django.receive(there)).toEqual(map({ type: 'n', number: int(number) }))
    }
  })

  it('reject receive() on channels of the other side, and messages with reserved keys', async () => {
    const { layer, django } = await both()
    const there = await django.newChannel()
    await expect(layer.receive(there)).rejects.toMatchObject({ code: 'ERR_BAD_NAME' })
    expect(() => layer.attach(there, { deliver: () => 'delivered' })).toThrow(/only that process receives from it/)
    const reserved = { type: 'x', __tideway_ack__: 1 }
    await expect(layer.send(there, reserved)).rejects.toMatchObject({ code: 'ERR_BAD_MESSAGE' })
    await expect(layer.groupSend('room', reserved)).rejects.toThrow(/__tideway_ack__/)
  })

  it('reject a send to a full Django channel with ChannelFullError', async () => {
    const { layer, django } = await both()
    const there = await django.newChannel()
    for (let number = 0; number < 100; number++) await layer.send(there, { type: 'n', number })
    await expect(layer.send(there, { type: 'n' })).rejects.toMatchObject({ code: 'ERR_CHANNEL_FULL', channel: there })
    await layer.groupAdd('room', there)
    await layer.groupSend('room', { type: 'n' })
    expect(layer.stats().dropped.full).toBe(2)
  })

  it('send one message to a tideway process with 1,000 members, as to one with a single member', async () => {
    const { layer, django } = await both()
    let delivered = 0
    for (let number = 0; number < 1000; number++) {
      const channel = layer.newChannel()
      layer.attach(channel, {
        deliver() {
          delivered++
          return 'delivered'
        },
      })
      await layer.groupAdd('crowd', channel)
    }
    expect(await servers[0]!.client.zcard('asgi:group:crowd')).toBe(1)
    await django.groupSend('crowd', map({ type: 'x' }))
    await expect.poll(() => delivered).toBe(1000)
  })
})

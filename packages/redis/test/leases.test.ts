import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { startProgram } from '../../../test/setup/child-process.ts'
import { describeWith } from '../../../test/setup/describe-with.ts'
import { compileProgram } from '../../../test/setup/compiled.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisChannelLayerOptions } from '../src/index.ts'
import { PythonPeer } from './python-peer.ts'
import { RedisServer } from './redis-server.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }

describeWith(['redis'], 'Redis layers', () => {
  let server: RedisServer
  const made: (RedisPubSubChannelLayer | RedisChannelLayer)[] = []

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterEach(async () => {
    await closeAll()
    await server.client.flushall()
  })
  afterAll(() => server.stop())

  const closeAll = (): Promise<unknown> => Promise.all(made.splice(0).map((layer) => layer.close()))

  async function makeLayer(options: RedisChannelLayerOptions = {}): Promise<RedisChannelLayer> {
    const layer = new RedisChannelLayer({ ...options, hosts: [server.url] })
    made.push(layer)
    await layer.ready()
    return layer
  }

  async function join(layer: RedisChannelLayer, group: string): Promise<{ types: string[] }> {
    const types: string[] = []
    const channel = layer.newChannel()
    layer.attach(channel, {
      deliver({ type }) {
        types.push(type)
        return 'delivered'
      },
    })
    await layer.groupAdd(group, channel)
    return { types }
  }

  it.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)(
    'leave no key after %s has closed',
    async (kind) => {
      for (let process = 0; process < 2; process++) {
        const layer = new layers[kind]({ hosts: [server.url] })
        made.push(layer)
        const channels = Array.from({ length: 20 }, () => layer.newChannel('worker'))
        for (const [number, channel] of channels.entries()) {
          await layer.groupAdd(`room-${number % 7}`, channel)
          await layer.groupSend(`room-${number % 7}`, { type: 'grouped' })
          await layer.send(channel, { type: 'direct' })
          await layer.send('jobs', { type: 'job' })
          await layer.receive('jobs')
        }
      }
      await closeAll()
      expect(await server.keys()).toEqual([])
      expect(await server.client.pubsub('CHANNELS')).toEqual([])
    },
  )

  it('write one member per process and group', async () => {
    const layer = await makeLayer()
    for (let member = 0; member < 50; member++) await join(layer, 'crowd')
    expect(await server.client.zcard('asgi:group:crowd')).toBe(1)
    expect(await server.keys()).toHaveLength(3)
  })

  it('remove the keys of a dead process when its lease expires', async () => {
    const member = compileProgram(new URL('fixture/member.ts', import.meta.url))
    const args = [member, server.url, '600']
    const dying = await startProgram(process.execPath, args, { ready: /joined/ })
    const layer = await makeLayer({ leaseMs: 600 })
    const { types } = await join(layer, 'one')
    expect(await server.client.zcard('asgi:group:one')).toBe(2)
    expect(await server.client.zcard('asgi:tideway:processes')).toBe(2)
    process.kill(dying.pid, 'SIGKILL')
    await dying.exited
    await layer.groupSend('one', { type: 'to.a.dead.process.too' })
    await expect.poll(() => server.client.zcard('asgi:group:one'), { timeout: 10_000 }).toBe(1)
    expect(await server.keys()).toEqual([
      'asgi:group:one',
      'asgi:tideway:groups:' + layer.newChannel().slice('specific.'.length).split('!')[0],
      'asgi:tideway:processes',
    ])
    await layer.groupSend('one', { type: 'to.the.living' })
    await expect.poll(() => types).toEqual(['to.a.dead.process.too', 'to.the.living'])
  })

  it.each([
    ['while it lives', 'before'],
    ['when it is the first one that starts after all others are dead', 'after'],
  ] as const)('remove the keys of dead processes from a process without groups %s', async (_name, start) => {
    const member = compileProgram(new URL('fixture/member.ts', import.meta.url))
    const args = [member, server.url, '600']
    const dying = await Promise.all([1, 2].map(() => startProgram(process.execPath, args, { ready: /joined/ })))
    if (start === 'before') await makeLayer({ leaseMs: 600 })
    for (const { pid } of dying) process.kill(pid, 'SIGKILL')
    await Promise.all(dying.map(({ exited }) => exited))
    expect(await server.keys()).not.toEqual([])
    if (start === 'after') await makeLayer({ leaseMs: 600 })
    await patiently(async () => expect(await server.keys()).toEqual([]))
  })

  it('keep the groups of a live process beyond groupExpiry and the lease', async () => {
    const layer = await makeLayer({ groupExpiry: 1, leaseMs: 400 })
    const sender = await makeLayer({ groupExpiry: 1, leaseMs: 400 })
    const { types } = await join(layer, 'room')
    await join(sender, 'elsewhere')
    const joinedAt = Number(await server.client.zscore('asgi:group:room', await firstMember('room')))
    await expect
      .poll(async () => Number(await server.client.zscore('asgi:group:room', await firstMember('room'))), {
        timeout: 10_000,
      })
      .toBeGreaterThan(joinedAt + 1.5)
    await sender.groupSend('room', { type: 'still' })
    await expect.poll(() => types).toEqual(['still'])
  })

  it('register again after another process or a client removed their keys', async () => {
    const layer = await makeLayer({ leaseMs: 300 })
    const { types } = await join(layer, 'room')
    await server.client.flushall()
    await expect.poll(() => server.client.zcard('asgi:group:room')).toBe(1)
    await layer.groupSend('room', { type: 'again' })
    await expect.poll(() => types).toEqual(['again'])
  })

  async function firstMember(group: string): Promise<string> {
    return (await server.client.zrange(`asgi:group:${group}`, '0', '0'))[0]!
  }

  describe('flush()', () => {
    it('removes all keys of the prefix, none of a longer prefix, without KEYS', async () => {
      const [layer, sender] = [await makeLayer(), await makeLayer()]
      const other = await makeLayer({ prefix: 'asgi2' })
      for (const one of [layer, other]) {
        await join(one, 'room')
        await one.send('jobs', { type: 'job' })
      }
      await sender.send('other.jobs', { type: 'job' })
      await sender.flush()
      await layer.flush()
      await server.client.config('RESETSTAT')
      await layer.flush()
      expect(await server.client.info('commandstats')).toMatch(/^(?![^]*cmdstat_keys)[^]*cmdstat_scan/)
      expect((await server.keys()).filter((key) => !key.startsWith('asgi2'))).toEqual([])
      expect(await server.keys()).toHaveLength(4)
      expect(await other.receive('jobs')).toEqual({ type: 'job' })
    })

    it('keeps jobs of a longer prefix in the pub/sub layer', async () => {
      const [layer, other] = ['asgi', 'asgi2'].map((prefix) => {
        const one = new RedisPubSubChannelLayer({ prefix, hosts: [server.url] })
        made.push(one)
        return one
      })
      await layer!.send('jobs', { type: 'job' })
      await other!.send('jobs', { type: 'job' })
      await layer!.flush()
      expect(await server.keys()).toEqual(['asgi2:tideway:queue:{jobs}'])
      expect(await other!.receive('jobs')).toEqual({ type: 'job' })
    })
  })
})

describeWith(['redis', 'python'], 'Redis layers after a flush by Django', () => {
  it('register the groups of live processes again', async () => {
    const server = await RedisServer.start()
    const python = await PythonPeer.start()
    const layer = new RedisChannelLayer({ hosts: [server.url], leaseMs: 300 })
    try {
      const channel = layer.newChannel()
      await layer.groupAdd('room', channel)
      const django = await python.layer('core', { hosts: [server.url] })
      await django.flush()
      await expect.poll(() => server.client.zcard('asgi:group:room')).toBe(1)
    } finally {
      await layer.close()
      await python.stop()
      await server.stop()
    }
  })
})

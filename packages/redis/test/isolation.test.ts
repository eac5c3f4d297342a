import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Message } from 'tideway/layer'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisPubSubChannelLayerOptions } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis'], 'Redis layers of two applications on one Redis', () => {
  let server: RedisServer
  const made: (RedisPubSubChannelLayer | RedisChannelLayer)[] = []

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterEach(async () => {
    await Promise.all(made.splice(0).map((layer) => layer.close()))
  })
  afterAll(() => server.stop())

  async function pubSub(db: number, options: RedisPubSubChannelLayerOptions = {}): Promise<RedisPubSubChannelLayer> {
    const layer = new RedisPubSubChannelLayer({ ...options, hosts: [`${server.url}/${db}`] })
    made.push(layer)
    await layer.ready()
    return layer
  }

  /** Creates two layers that must not receive messages of each other. */
  const foreign = [
    ['prefix', { prefix: 'shop' }, 0, { prefix: 'forum' }, 0],
    ['database', {}, 0, {}, 5],
    ['prefix and database', { prefix: 'shop' }, 3, { prefix: 'forum' }, 5],
  ] as const

  describe.each(foreign)('under another %s', (_what, shopOptions, shopDb, forumOptions, forumDb) => {
    let shop: RedisPubSubChannelLayer
    let forum: RedisPubSubChannelLayer

    /** Returns the next message of the forum on the channel, after all messages of the shop. */
    async function nextOfForum(channel: string): Promise<Message> {
      await forum.send(channel, { type: 'of.the.forum' })
      return forum.receive(channel)
    }

    it('receive no job of the other application', async () => {
      ;[shop, forum] = [await pubSub(shopDb, shopOptions), await pubSub(forumDb, forumOptions)]
      const atForum = forum.receive('thumbnails')
      await shop.send('thumbnails', { type: 'of.the.shop' })
      expect(await shop.receive('thumbnails')).toEqual({ type: 'of.the.shop' })
      await forum.send('thumbnails', { type: 'of.the.forum' })
      expect(await atForum).toEqual({ type: 'of.the.forum' })
    })

    it('receive no message to a single channel of the other application', async () => {
      ;[shop, forum] = [await pubSub(shopDb, shopOptions), await pubSub(forumDb, forumOptions)]
      for (const channel of [forum.newChannel(), forum.newChannel('named')]) {
        await shop.send(channel, { type: 'of.the.shop' })
        expect(await nextOfForum(channel)).toEqual({ type: 'of.the.forum' })
      }
    })

    it('have separate groups', async () => {
      ;[shop, forum] = [await pubSub(shopDb, shopOptions), await pubSub(forumDb, forumOptions)]
      const channel = forum.newChannel()
      await forum.groupAdd('staff', channel)
      await shop.groupSend('staff', { type: 'of.the.shop' })
      expect(await nextOfForum(channel)).toEqual({ type: 'of.the.forum' })
    })
  })

  it('use only Redis channels that begin with their prefix and database', async () => {
    const layer = await pubSub(5, { prefix: 'shop' })
    await layer.groupAdd('staff', layer.newChannel())
    await layer.send('jobs', { type: 'x' })
    await layer.receive('jobs')
    const channels = (await server.client.pubsub('CHANNELS', '*')) as string[]
    expect(channels.length).toBeGreaterThan(2)
    expect(channels.filter((name) => !name.startsWith('db5/shop'))).toEqual([])
    expect(await server.client.pubsub('NUMPAT')).toBe(0)
  })

  it('share groups and single channels with the same prefix and database', async () => {
    const [layer, other] = [await pubSub(5), await pubSub(5)]
    const channel = layer.newChannel()
    await layer.groupAdd('room', channel)
    await other.groupSend('room', { type: 'grouped' })
    expect(await layer.receive(channel)).toEqual({ type: 'grouped' })
    await other.send(channel, { type: 'direct' })
    expect(await layer.receive(channel)).toEqual({ type: 'direct' })
    const job = other.receive('jobs')
    await layer.send('jobs', { type: 'job' })
    expect(await job).toEqual({ type: 'job' })
  })

  it.each(['asgi__group__staff', `asgi__group__${'0'.repeat(32)}`])(
    'reject the channel %s, whose name is the Redis channel of a group',
    async (channel) => {
      const refused = { code: 'ERR_BAD_NAME', message: expect.stringContaining('must not begin with "asgi__group__"') }
      for (const layer of [await pubSub(0), await pubSub(0, { interop: 'channels_redis' })]) {
        await expect(layer.send(channel, { type: 'x' })).rejects.toMatchObject(refused)
        await expect(layer.receive(channel)).rejects.toMatchObject(refused)
        expect(() => layer.attach(channel, { deliver: () => 'delivered' })).toThrow(expect.objectContaining(refused))
      }
    },
  )

  it('reject a send to a Django channel without interop', async () => {
    const channel = `specific.${'0'.repeat(32)}!abc`
    await expect((await pubSub(0)).send(channel, { type: 'x' })).rejects.toMatchObject({
      code: 'ERR_BAD_NAME',
      message: expect.stringContaining("interop: 'channels_redis'"),
    })
  })

  it.each([
    [{ interop: 'django' as never }, /interop must be "channels_redis"/],
    [{ interop: 'channels_redis', cluster: { cluster: [['127.0.0.1', 1]] } }, /interop and cluster/],
    [{ prefix: 'db5/asgi' }, /prefix must not begin with "db5\/"/],
  ] as const)('reject the options %j', (options, message) => {
    const refused = expect.objectContaining({ code: 'ERR_BAD_OPTION', message: expect.stringMatching(message) })
    expect(() => new RedisPubSubChannelLayer(options)).toThrow(refused)
  })

  it('separate their queues in the core layer if the prefixes end with a colon', async () => {
    const [layer, other] = ['asgi:', 'asgi2:'].map((prefix) => new RedisChannelLayer({ prefix, hosts: [server.url] }))
    made.push(layer!, other!)
    await layer!.send('2jobs', { type: 'of.asgi' })
    await other!.send('jobs', { type: 'of.asgi2' })
    expect(await other!.receive('jobs')).toEqual({ type: 'of.asgi2' })
    expect(await layer!.receive('2jobs')).toEqual({ type: 'of.asgi' })
  })
})

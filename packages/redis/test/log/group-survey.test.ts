import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisLayerOptions } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'

type Layer = RedisChannelLayer | RedisPubSubChannelLayer
const follower = { onEntry() {}, onVolatile() {}, onReset() {} }

describeWith(['redis'], 'a survey of the kept groups', () => {
  let servers: RedisServer[]
  let layers: Layer[] = []
  let prefixes = 0

  beforeAll(async () => {
    servers = await Promise.all([1, 2].map(() => RedisServer.start()))
  })
  afterEach(async () => {
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  function open(make: (options: RedisLayerOptions) => Layer, more: RedisLayerOptions = {}): Layer[] {
    const options = { hosts: servers.map(({ url }) => url), prefix: `s${prefixes}`, ...more }
    layers = [1, 2, 3].map(() => make(options))
    prefixes++
    return layers
  }

  async function follow({ keptGroups }: Layer, group: string): Promise<void> {
    const { cursor } = await keptGroups.follow(group, follower)
    cursor.start()
  }

  it.each<[name: string, make: (options: RedisLayerOptions) => Layer, more: RedisLayerOptions]>([
    ['RedisPubSubChannelLayer', (options) => new RedisPubSubChannelLayer(options), {}],
    ['RedisChannelLayer', (options) => new RedisChannelLayer(options), {}],
    [
      'RedisPubSubChannelLayer with keys',
      (options) => new RedisPubSubChannelLayer(options),
      { symmetricEncryptionKeys: ['a key of more than thirty-two bytes, for tests'] },
    ],
  ])('asks every process of a %s that has followed one', async (_name, make, more) => {
    const [asking, one, two] = open(make, more) as [Layer, Layer, Layer]
    await Promise.all([follow(one, 'room.a'), follow(one, 'room.a'), follow(two, 'room.a'), follow(two, 'room.b')])
    await two.keptGroups.publish('room.b', '{"e":"said"}')
    await expect.poll(() => two.keptGroups.followed().map(({ position }) => position.offset)).toContain(1)
    // A process listens soon after its first follow.
    await expect.poll(async () => (await asking.keptGroups.survey!.run(5000)).processes).toBe(2)
    const { answers } = await asking.keptGroups.survey!.run(5000)
    const groups = answers
      .flatMap(({ groups: each }) => each)
      .map(({ group, followers, position }) => ({ group, followers, offset: position.offset }))
    expect(groups).toHaveLength(3)
    expect(groups).toEqual(
      expect.arrayContaining([
        { group: 'room.a', followers: 2, offset: 0 },
        { group: 'room.a', followers: 1, offset: 0 },
        { group: 'room.b', followers: 1, offset: 1 },
      ]),
    )
  })

  it('has the figures of a process without a kept group, and no more answers and groups than asked for', async () => {
    const [asking, one, two] = open((options) => new RedisPubSubChannelLayer(options)) as [Layer, Layer, Layer]
    const figures = {
      id: 'one',
      pid: 7,
      host: 'here',
      uptimeMs: 9,
      version: '1.2.3',
      connections: 5,
      eventLoopDelayMs: 1,
    }
    one.keptGroups.survey!.describeProcess(() => figures)
    const bounds = { maxGroups: 0, maxAnswers: 1 }
    await expect
      .poll(async () => (await asking.keptGroups.survey!.run(5000, bounds)).answers)
      .toEqual([{ process: figures, groups: [] }])
    await follow(two, 'room.a')
    await expect.poll(async () => (await asking.keptGroups.survey!.run(5000, bounds)).processes).toBe(2)
    const { answers } = await asking.keptGroups.survey!.run(5000, bounds)
    expect(answers.map(({ groups }) => groups)).toEqual([[]])
  })

  it('reports the processes that have not answered in time', async () => {
    const [asking, one] = open((options) => new RedisPubSubChannelLayer({ ...options, hosts: [servers[0]!.url] })) as [
      Layer,
      Layer,
    ]
    await follow(one, 'room.a')
    const silent = servers[0]!.client.duplicate()
    await silent.subscribe(`s${prefixes - 1}:tideway:survey`)
    await expect.poll(async () => (await asking.keptGroups.survey!.run(1000)).processes).toBe(2)
    const { answers } = await asking.keptGroups.survey!.run(1000)
    expect(answers).toHaveLength(1)
    silent.disconnect()
  })
})

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { defineGroup, LiveConsumer } from 'tideway/live'
import { WebSocketCommunicator } from 'tideway/testing'
import { z } from 'zod'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import { RedisPubSubChannelLayer } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'

const room = defineGroup('room', { events: { said: z.number() } })
const LOG = 'asgi:tideway:log:{room.lobby}'
const HEAD = 'asgi:tideway:head:{room.lobby}'

class Chat extends LiveConsumer<{}, {}> {
  static override groups = { room }

  override authorize(): boolean {
    return true
  }
}

type Frame = Readonly<Record<string, unknown>>

describeWith(['redis'], 'live clients of a group that Redis evicts', () => {
  let server: RedisServer
  let closing: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    server = await RedisServer.start('--maxmemory-policy', 'allkeys-random')
  })
  afterEach(async () => {
    for (const close of closing.toReversed()) await close()
    closing = []
    await server.client.flushall()
  })
  afterAll(() => server.stop())

  function startProcess(): RedisPubSubChannelLayer {
    const layer = new RedisPubSubChannelLayer({ hosts: [server.url] })
    closing.push(() => layer.close())
    return layer
  }

  /** A client in the group, and its next frames. */
  async function join(layer: RedisPubSubChannelLayer, start: object): Promise<(count: number) => Promise<Frame[]>> {
    const scope = { channelLayers: { default: layer } }
    const client = new WebSocketCommunicator(Chat.asApplication(), '/', { subprotocols: ['tideway.v1.json'], scope })
    closing.push(() => client.disconnect())
    await client.connect()
    client.sendJsonTo({ t: 'hello', v: 1, groups: { 'room.lobby': start } })
    expect(await client.receiveJsonFrom()).toMatchObject({ t: 'hi' })
    return async (count) => {
      const frames: Frame[] = []
      while (frames.length < count) frames.push((await client.receiveJsonFrom()) as Frame)
      return frames
    }
  }

  it.each([
    ['its head', () => server.client.del(HEAD), 'epoch', true],
    ['its events', () => server.client.del(LOG), 'trimmed', false],
    [
      'all of it, as the memory is full',
      async () => {
        // Redis evicts with the next command that needs memory, and refuses the command.
        await server.client.config('SET', 'maxmemory', '1')
        await server.client.set('any', 'x').catch(() => {})
        await server.client.config('SET', 'maxmemory', '0')
        expect(await server.keys()).not.toContain(HEAD)
      },
      'epoch',
      true,
    ],
  ])(
    'get the reason after the loss of %s when they return, and while they are connected if their position is lost',
    async (_what, evict, why, isReset) => {
      const layer = startProcess()
      const there = await join(layer, { last: 10 })
      await there(1)
      const positions: string[] = []
      for (let n = 1; n <= 3; n++) positions.push((await room('lobby').publish(layer, 'said', n)).position)
      expect((await there(3)).map(({ d }) => d)).toEqual([1, 2, 3])

      await evict()
      const returned = await join(startProcess(), { since: positions[1] })
      expect(await returned(1)).toMatchObject([{ t: 'joined', recovered: false, why }])
      const { position } = await room('lobby').publish(layer, 'said', 4)
      expect(await returned(1)).toMatchObject([{ e: 'said', d: 4, at: position }])
      const wanted = [...(isReset ? [{ t: 'reset', why }] : []), { e: 'said', d: 4, at: position }]
      expect(await there(wanted.length)).toMatchObject(wanted)
    },
  )
})

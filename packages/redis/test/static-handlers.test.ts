import { WebSocketConsumer } from 'tideway'
import { WebSocketCommunicator } from 'tideway/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis'], 'static handlers over Redis', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  it.each([RedisPubSubChannelLayer, RedisChannelLayer])('run once per process for messages of %o', async (Layer) => {
    const calls: unknown[] = []
    class Chat extends WebSocketConsumer<{}, {}> {
      override readonly groups = ['lobby']
      static onNote({ text }: { text: string }) {
        calls.push(text)
        return { text }
      }
    }
    const layers = [1, 2].map(() => new Layer({ hosts: [server.url] }))
    const members = layers
      .flatMap((layer) => [layer, layer, layer])
      .map((layer) => {
        const scope = { channelLayers: { default: layer } }
        return new WebSocketCommunicator(Chat.asApplication(), '/', { scope })
      })
    onTestFinished(async () => {
      for (const member of members) await member.disconnect()
      for (const layer of layers) await layer.close()
    })
    for (const member of members) await member.connect()
    for (const text of ['one', 'two']) {
      await layers[0]!.groupSend('lobby', { type: 'note', text })
      for (const member of members) expect(await member.receiveFrom()).toBe(text)
    }
    expect(calls).toEqual(['one', 'one', 'two', 'two'])
  })
})

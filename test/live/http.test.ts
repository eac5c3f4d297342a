import { spawn } from 'node:child_process'
import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'
import { defineApplication, originValidator } from 'tideway'
import { defineGroup, LiveConsumer, request } from 'tideway/live'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { call, poll, Stream } from '../../packages/tideway/test/live/http-client.ts'
import type { Frame } from '../../packages/tideway/test/live/live-client.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'

const POLLS = 20

const room = defineGroup('room', {
  events: { said: z.object({ text: z.string() }) },
  presence: z.object({ name: z.string() }),
})

class RoomConsumer extends LiveConsumer<{}, {}> {
  static override groups = { room }
  static counted = 0

  override authorize(): boolean {
    return true
  }

  override present() {
    return { key: 'ann', name: 'Ann' }
  }

  say = request(z.string(), (text) => this.publish(room('lobby'), 'said', { text }))
  count = request(z.undefined(), () => ++RoomConsumer.counted)
}

describeWith(['redis', 'curl'], 'live consumers over HTTP on two servers of one Redis', () => {
  let redis: RedisServer
  let client: Redis
  const layers: RedisPubSubChannelLayer[] = []
  const servers: LiveServer[] = []
  let urls: readonly [string, string]

  beforeAll(async () => {
    redis = await RedisServer.start()
    client = new Redis(redis.url)
    for (let n = 0; n < 2; n++) {
      const layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
      const websocket = originValidator(RoomConsumer.asApplication(), ['*'])
      layers.push(layer)
      servers.push(await liveServer(defineApplication({ channelLayers: { default: layer }, websocket })))
    }
    urls = [servers[0]!.url, servers[1]!.url]
  })

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()))
    await Promise.all(layers.map((layer) => layer.close()))
    client?.disconnect()
    await redis?.stop()
  })

  async function scripts(): Promise<number> {
    const calls = (await client.info('commandstats')).matchAll(/cmdstat_(?:evalsha|eval):calls=(\d+)/g)
    return [...calls].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  it('handle a request once, also if it is repeated on the other server, and deliver its event to streams of the other one', async () => {
    const stream = await Stream.open(urls[0], { 'room.lobby': { last: 0 } })
    await stream.take(2)
    const frames = ['say', 'count'].map((m) => ({
      t: 'request',
      id: `${m}-1`,
      m,
      d: m === 'say' ? 'hello' : undefined,
    }))
    const first = await call(urls[1], frames)
    expect(first.body).toMatchObject([{ id: 'say-1', ok: { duplicate: false } }, { ok: 1 }])
    const frame = async (): Promise<Frame> => {
      const next = (await stream.next())!
      return 'w' in next ? frame() : next
    }
    expect(await frame()).toMatchObject({ e: 'said', d: { text: 'hello' }, id: 'say-1:1' })
    expect((await call(urls[0], frames)).body).toEqual(first.body)
    expect(RoomConsumer.counted).toBe(1)
  })

  it('read Redis once per server and group for polls without news, and keep the person who polls', async () => {
    const groups = async (url: string, since?: string): Promise<Frame> => {
      const { status, body } = await poll(url, { 'room.polled': { since } }, 0)
      expect(status).toBe(200)
      return (body as Frame[]).find(({ t }) => t === 'joined')!
    }
    const { at } = (await groups(urls[0])) as { readonly at: string }
    await groups(urls[1], at)
    const before = await scripts()
    for (let n = 0; n < POLLS; n++) {
      expect(await groups(urls[n % 2]!, at)).toMatchObject({ recovered: true })
    }
    // The lease of each process is renewed at its own interval.
    expect((await scripts()) - before).toBeLessThan(POLLS / 2)
    expect(await room('polled').count(layers[0]!)).toBe(1)
  })

  it('are served to curl', async () => {
    const { position } = await room('curl').publish(layers[1]!, 'said', { text: 'hello' })
    const hello = JSON.stringify({ t: 'hello', v: 1, groups: { 'room.curl': { last: 1, who: false } } })
    const headers = ['-H', 'Content-Type: application/json', '-H', 'Accept: text/event-stream']
    const curl = spawn('curl', ['-N', '-s', ...headers, '-d', hello, urls[0]])
    onTestFinished(() => void curl.kill())
    let text = ''
    curl.stdout.setEncoding('utf8').on('data', (data: string) => (text += data))
    const event = `data: {"g":"room.curl","at":"${position}","e":"said","d":{"text":"hello"}}\n\n`
    await patiently(() => expect(text).toContain(event))
  })
})

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { defineApplication, originValidator } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'
import { serve } from 'tideway/server'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'

const prices = defineGroup('prices', { state: z.union([z.number(), z.string()]) })

class Dashboard extends LiveConsumer<{}, {}> {
  static override groups = { prices }

  override authorize(): boolean {
    return true
  }
}

interface Frame {
  readonly t?: string
  readonly k?: string
  readonly d?: unknown
}

/** So many entries behind, a client cannot continue: the kernel has taken what it can. */
const STUCK = 20
const UPDATES = 1000
const KEYS = 3

describeWith(['redis'], 'a client of a state group whose socket is paused', () => {
  it(`gets ${UPDATES} updates of ${KEYS} keys as ${KEYS} events, with their newest values`, async () => {
    const redis = await RedisServer.start()
    onTestFinished(() => redis.stop())
    const layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
    onTestFinished(() => layer.close())
    const websocket = originValidator(Dashboard.asApplication(), ['*'])
    const application = defineApplication({ channelLayers: { default: layer }, websocket })
    const server = await serve(application, { port: 0, pingIntervalMs: false, sendTimeoutMs: 600_000 })
    onTestFinished(() => server.close(0))

    const client = new WebSocket(server.url.replace('http', 'ws'), 'tideway.v1.json')
    onTestFinished(() => client.terminate())
    const frames: Frame[] = []
    client.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Frame))
    await new Promise((resolve) => client.once('open', resolve))
    client.send(JSON.stringify({ t: 'hello', v: 1, groups: { 'prices.eur': {} } }))
    await patiently(() => expect(frames.at(-1)).toMatchObject({ t: 'joined', g: 'prices.eur' }))

    client.pause()
    const large = 'x'.repeat(60_000)
    while (layer.keptGroups.stats().worstLag < STUCK) await prices('eur').set(layer, 'large', large)
    const updates = Array.from({ length: UPDATES }, (_, index) => index + 1)
    await Promise.all(updates.map((price) => prices('eur').set(layer, `key ${price % KEYS}`, price)))
    await patiently(() => expect(layer.keptGroups.stats().worstLag).toBeGreaterThanOrEqual(STUCK + UPDATES))

    client.resume()
    await patiently(() => expect(layer.keptGroups.stats().lagging).toBe(0))
    await prices('eur').set(layer, 'end', 0)
    await patiently(() => expect(frames.at(-1)).toMatchObject({ k: 'end' }))
    const events = frames.filter(({ k }) => k?.startsWith('key'))
    expect(events.map(({ k, d }) => [k, d])).toEqual(
      updates.slice(-KEYS).map((price) => [`key ${price % KEYS}`, price]),
    )
    expect(frames.filter(({ t }) => t === 'reset')).toEqual([])
  })
})

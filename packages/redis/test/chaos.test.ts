import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { Message } from 'tideway/layer'

import { describeWith } from '../../../test/setup/describe-with.ts'
import {
  RedisChannelLayer,
  RedisPubSubChannelLayer,
  type RedisLayerEvents,
  type RedisLayerOptions,
} from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

/** The number of rounds of all tests. */
const ROUNDS = Number(process.env['TIDEWAY_CHAOS_ROUNDS'] ?? 1)

/** How long the partition lasts after it is detected. A longer one showed nothing more. */
const PARTITION_MS = Number(process.env['TIDEWAY_CHAOS_PARTITION_MS'] ?? 500)

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
type Layer = RedisPubSubChannelLayer | RedisChannelLayer

// Short intervals: the tests check that losses are detected and repaired, not how long that takes.
const hasty: RedisLayerOptions = { heartbeatIntervalMs: 500, commandTimeoutMs: 3000, maxReconnectDelayMs: 100 }

interface Member {
  readonly channel: string
  readonly messages: Message[]
}

const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1)

describeWith(['redis'], 'Redis layers during an outage of Redis', () => {
  describe.each(rounds)('round %i', () => {
    describe.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)('under %s', (kind) => {
      let server: RedisServer
      let made: Layer[] = []

      beforeEach(async () => {
        server = await RedisServer.start()
      })
      afterEach(async () => {
        await Promise.all(made.map((layer) => layer.close()))
        made = []
        await server.stop()
      })

      async function makeLayer(options: RedisLayerOptions = {}): Promise<Layer> {
        const layer = new layers[kind]({ ...hasty, ...options, hosts: [server.url] })
        made.push(layer)
        await layer.ready()
        return layer
      }

      async function join(layer: Layer, group: string): Promise<Member> {
        const channel = layer.newChannel()
        const messages: Message[] = []
        layer.attach(channel, {
          deliver(message) {
            messages.push(message)
            return 'delivered'
          },
        })
        await layer.groupAdd(group, channel)
        return { channel, messages }
      }

      function next<Name extends keyof RedisLayerEvents>(layer: Layer, name: Name): Promise<RedisLayerEvents[Name]> {
        return new Promise((resolve) => layer.on(name, resolve))
      }

      const types = ({ messages }: Member): string[] => messages.map(({ type }) => type)

      it('reconnect after a restart and restore all subscriptions', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer()]
        const member = await join(layer, 'room')
        const job = layer.receive('jobs')
        const events = [next(layer, 'disconnected'), next(layer, 'reconnected'), next(sender, 'reconnected')] as const
        await server.crash()
        expect(await events[0]).toMatchObject({ host: server.url })
        await server.run()
        expect(await events[1]).toMatchObject({ host: server.url, gap: true })
        await events[2]
        await sender.groupSend('room', { type: 'after' })
        await sender.send(member.channel, { type: 'direct' })
        await sender.send('jobs', { type: 'job' })
        await expect.poll(() => types(member)).toEqual(['after', 'direct'])
        expect(await job).toEqual({ type: 'job' })
        expect(layer.stats().reconnects).toBe(1)
        await layer.send(member.channel, { type: 'to.itself' })
        expect(types(member)).toContain('to.itself')
      })

      it('reject sends at once, drop and count group sends, and deliver none of them later', async () => {
        const options = { waitWhileDownMs: 0 }
        const [layer, sender] = [await makeLayer(options), await makeLayer(options)]
        const member = await join(layer, 'room')
        const gone = [next(layer, 'disconnected'), next(sender, 'disconnected')]
        const back = [next(layer, 'reconnected'), next(sender, 'reconnected')]
        await server.crash()
        await Promise.all(gone)
        for (const channel of [member.channel, 'jobs']) {
          await expect(sender.send(channel, { type: 'lost' })).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
        }
        await expect(layer.send(member.channel, { type: 'lost' })).rejects.toMatchObject({
          code: 'ERR_LAYER_UNAVAILABLE',
        })
        await sender.groupSend('room', { type: 'lost' })
        await sender.groupSend('room', { type: 'lost' })
        expect(sender.stats().dropped.unavailable).toBe(2)
        await server.run()
        await Promise.all(back)
        await sender.groupSend('room', { type: 'after' })
        await expect.poll(() => types(member)).toEqual(['after'])
      })

      it('keep sends waiting for the reconnect up to waitWhileDownMs', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer({ waitWhileDownMs: 20_000 })]
        const member = await join(layer, 'room')
        const gone = next(sender, 'disconnected')
        const back = next(layer, 'reconnected')
        await server.crash()
        await gone
        const joined = join(sender, 'other')
        const sent = sender.send('jobs', { type: 'job' })
        await server.run()
        await Promise.all([sent, joined, back])
        expect(await layer.receive('jobs')).toEqual({ type: 'job' })
        await sender.groupSend('room', { type: 'after' })
        await layer.groupSend('other', { type: 'other' })
        await expect.poll(() => types(member)).toEqual(['after'])
        const other = await joined
        await expect.poll(() => types(other)).toEqual(['other'])
      })

      it('reject groupAdd during the outage, and do not restore channels that left', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer()]
        const leaving = await join(layer, 'left')
        const staying = await join(layer, 'kept')
        const gone = next(layer, 'disconnected')
        const back = [next(layer, 'reconnected'), next(sender, 'reconnected')]
        // Not a crash: the data in Redis must survive.
        server.signal('SIGSTOP')
        await gone
        await layer.detach(leaving.channel)
        await expect(join(layer, 'new')).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
        expect(layer.stats().groups).toBe(1)
        server.signal('SIGCONT')
        await Promise.all(back)
        for (const group of ['left', 'new', 'kept']) await sender.groupSend(group, { type: group })
        await expect.poll(() => types(staying)).toEqual(['kept'])
        expect(leaving.messages).toEqual([])
        expect(await membersInRedis(server, 'left')).toBe(0)
        expect(await membersInRedis(server, 'new')).toBe(0)
        expect(await membersInRedis(server, 'kept')).toBe(1)
      })

      it('emit disconnected if Redis only falls silent, and reconnect when it replies', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer()]
        const member = await join(layer, 'room')
        const gone = [next(layer, 'disconnected'), next(sender, 'disconnected')]
        const back = [next(layer, 'reconnected'), next(sender, 'reconnected')]
        server.signal('SIGSTOP')
        const hanging = sender.send('jobs', { type: 'in.the.silence' })
        await expect(hanging).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
        await Promise.all(gone)
        await delay(PARTITION_MS)
        await expect(sender.send('jobs', { type: 'lost' })).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
        server.signal('SIGCONT')
        await Promise.all(back)
        await sender.groupSend('room', { type: 'after' })
        await expect.poll(() => types(member)).toEqual(['after'])
      })

      it('keep the connection if the event loop was blocked and replies have arrived', async () => {
        const layer = await makeLayer({ heartbeatIntervalMs: 400, commandTimeoutMs: 10_000 })
        const lost: unknown[] = []
        layer.on('disconnected', (event) => lost.push(event))
        for (let turn = 0; turn < 4; turn++) {
          const end = performance.now() + 500
          while (performance.now() < end);
          await new Promise((resolve) => setImmediate(resolve))
        }
        await layer.send('jobs', { type: 'job' })
        expect(await layer.receive('jobs')).toEqual({ type: 'job' })
        expect(lost).toEqual([])
      })

      it('neither duplicate nor reorder messages while connections are killed repeatedly', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer()]
        const member = await join(layer, 'room')
        let number = 0
        for (let killed = 0; killed < 15; killed++) {
          const sent = Array.from({ length: 10 }, () => sender.groupSend('room', { type: 'n', number: number++ }))
          await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
          await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
          await Promise.all(sent)
          await delay(20)
        }
        await Promise.all([settledAgain(layer), settledAgain(sender)])
        await sender.groupSend('room', { type: 'last' })
        await expect.poll(() => types(member).at(-1)).toBe('last')
        const numbers = member.messages.slice(0, -1).map((message) => message['number'] as number)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
        expect(sender.stats().reconnects).toBeGreaterThan(0)
      })

      it('load scripts again after SCRIPT FLUSH', async () => {
        const [layer, sender] = [await makeLayer(), await makeLayer()]
        await server.client.script('FLUSH')
        const member = await join(layer, 'room')
        await server.client.script('FLUSH')
        await sender.groupSend('room', { type: 'grouped' })
        await sender.send('jobs', { type: 'job' })
        await expect.poll(() => types(member)).toEqual(['grouped'])
        expect(await layer.receive('jobs')).toEqual({ type: 'job' })
      })

      it('open no additional connections after many kills', async () => {
        const layer = await makeLayer()
        await layer.send('jobs', { type: 'job' })
        await layer.receive('jobs')
        for (let killed = 0; killed < 5; killed++) {
          const back = next(layer, 'reconnected')
          await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
          await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
          await back
        }
        const clients = (await server.client.call('CLIENT', 'LIST')) as string
        expect(clients.match(/name=tideway-/g)).toHaveLength(2)
      })
    })
  })
})

/** Resolves when all connections of the layer are up again. */
async function settledAgain(layer: Layer): Promise<void> {
  await expect
    .poll(() =>
      layer.ready().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
}

async function membersInRedis(server: RedisServer, group: string): Promise<number> {
  const [, subscribers] = (await server.client.pubsub('NUMSUB', `asgi__group__${group}`)) as [string, number]
  return subscribers + (await server.client.zcard(`asgi:group:${group}`))
}

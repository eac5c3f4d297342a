import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../setup/describe-with.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { TcpProxy } from '../../packages/redis/test/tcp-proxy.ts'
import { FAULT_MS, report, ROUNDS } from './fault-settings.ts'
import { Fleet } from './fleet.ts'

/** More than the part of an output buffer that Redis does not count. */
const noise = 'x'.repeat(60_000)

/** Calls the fault again and again. */
async function repeatedly(everyMs: number, fault: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + FAULT_MS
  while (performance.now() < end) {
    await fault()
    await delay(everyMs)
  }
}

describeWith(['redis'], 'clients that follow a kept group on three servers', () => {
  let redis: RedisServer
  /** A Redis without messages. */
  let empty: RedisServer
  let proxy: TcpProxy
  let fleet: Fleet
  beforeAll(async () => {
    // Every write is on the disk before it is answered.
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--enable-debug-command', 'yes']
    ;[redis, empty] = await Promise.all([RedisServer.start(...durable), RedisServer.start()])
    proxy = await TcpProxy.start(redis.port)
    fleet = await Fleet.start(proxy.url)
  })
  afterAll(async () => {
    await fleet?.stop()
    await proxy?.stop()
    await Promise.all([redis?.stop(), empty?.stop()])
  })

  const faults: Readonly<Record<string, () => Promise<unknown>>> = {
    'without a fault': () => delay(FAULT_MS),
    'while servers are killed': () => repeatedly(0, () => fleet.replace(Math.floor(Math.random() * 3))),
    'while Redis closes subscriber connections': () =>
      repeatedly(300, () => redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')),
    'while Redis closes command connections': () =>
      repeatedly(300, () => redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    'while Redis closes subscriber connections with a full output buffer': async () => {
      const limit = (bytes: number) =>
        redis.client.config('SET', 'client-output-buffer-limit', `pubsub ${bytes} ${bytes} 1`)
      const before = await subscribers()
      await limit(1)
      await repeatedly(300, () => redis.client.publish('asgi:tideway:gap', noise))
      await limit(32 * 1024 * 1024)
      expect((await subscribers()).some((id) => before.includes(id))).toBe(false)
    },
    'while the subscribers are connected to a server that answers PING and delivers nothing': async () => {
      proxy.subscriberTarget = empty.port
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await delay(FAULT_MS)
      expect(await empty.client.call('PUBSUB', 'CHANNELS', '*room*')).not.toEqual([])
      proxy.subscriberTarget = undefined
    },
    'while Redis hangs': () => redis.client.call('DEBUG', 'SLEEP', FAULT_MS / 1000),
    'while Redis is stopped by a signal': () => stopped((signal) => redis.signal(signal)),
    'while a server is stopped by a signal': () => stopped((signal) => fleet.signal(0, signal)),
    'while Redis restarts with its data': async () => {
      await redis.crash()
      await delay(FAULT_MS / 4)
      await redis.run()
    },
  }

  async function subscribers(): Promise<string[]> {
    const list = (await redis.client.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string
    return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!)
  }

  async function stopped(send: (signal: NodeJS.Signals) => void): Promise<void> {
    send('SIGSTOP')
    await delay(FAULT_MS)
    send('SIGCONT')
  }

  describe.each(Object.entries(faults))('%s', (name, fault) => {
    it('get every event once and in order', { timeout: 120_000 * ROUNDS }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const outcome = await fleet.during(async () => void (await fault()))
        report(name, outcome)
        expect(outcome).toMatchObject({ lost: 0, told: 0 })
        expect(outcome.deliveries).toBeGreaterThan(outcome.published)
      }
    })
  })

  it('are told of their loss if Redis loses its data, and get every later event', async () => {
    const outcome = await fleet.during(async () => {
      await delay(300)
      await redis.client.call('FLUSHALL')
    })
    report('Redis loses its data', outcome)
    expect(outcome.lost).toBe(0)
    expect(outcome.told).toBeGreaterThan(0)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'

import { startRedis } from '../redis/processes.ts'

const PREFIX = 'bench'
const body = JSON.stringify({ e: 'said', d: { user: 'username', text: 'x'.repeat(260) } })
const warmUp = 10_000
const count = 50_000

interface Cost {
  readonly perSecond: number
  readonly redisMicroseconds: number
  readonly ownMicroseconds: number
}

/** Calls `send` for each number, with so many calls without an answer at a time. */
async function keepInFlight(calls: number, inFlight: number, send: (n: number) => Promise<unknown>): Promise<void> {
  let started = 0
  const lane = async (): Promise<void> => {
    while (started < calls) await send(started++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

/** The processor time of Redis since its start, in microseconds. */
async function redisCpu(client: Redis): Promise<number> {
  const info = await client.info('cpu')
  const [user, system] = ['user', 'sys'].map((kind) => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)![1]))
  return (user! + system!) * 1e6
}

async function measure(client: Redis, inFlight: number, send: (n: number) => Promise<unknown>): Promise<Cost> {
  await keepInFlight(warmUp, inFlight, send)
  const redisBefore = await redisCpu(client)
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  await keepInFlight(count, inFlight, send)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const redisMicroseconds = ((await redisCpu(client)) - redisBefore) / count
  return { perSecond: count / seconds, redisMicroseconds, ownMicroseconds: (user + system) / count }
}

function words({ perSecond, redisMicroseconds, ownMicroseconds }: Cost): string {
  const rate = Math.round(perSecond).toLocaleString('en-US')
  return `${rate} per second, ${redisMicroseconds.toFixed(1)} µs of Redis, ${ownMicroseconds.toFixed(1)} µs of the process`
}

/** Appends events to logs on Redis, beside PUBLISH of the same size. One process subscribes to all channels. */
export async function append(print: (line: string) => void): Promise<void> {
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const subscriber = spawn('redis-cli', ['-u', redis.url, 'PSUBSCRIBE', '*'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(subscriber.stdout, 'data')
  subscriber.stdout.resume()
  const layer = new RedisPubSubChannelLayer({ hosts: [redis.url], prefix: PREFIX })
  await layer.ready()
  const bytes = Buffer.from(body)
  for (const inFlight of [1, 8, 64, 256]) {
    const published = await measure(client, inFlight, () => client.publish('bare', bytes))
    print(`PUBLISH, ${inFlight} in flight: ${words(published)}`)
    for (const groups of inFlight < 64 ? [1] : [1, 1000]) {
      const appended = await measure(client, inFlight, (n) => layer.keptGroups.publish(`room${n % groups}`, body))
      const ratio = (appended.redisMicroseconds / published.redisMicroseconds).toFixed(1)
      print(
        `append, ${groups === 1 ? 'one group' : `${groups} groups`}, ${inFlight} in flight: ${words(appended)}, ${ratio} times PUBLISH`,
      )
    }
  }
  await layer.close()
  client.disconnect()
  subscriber.kill()
  await once(subscriber, 'exit')
  await redis.stop()
}

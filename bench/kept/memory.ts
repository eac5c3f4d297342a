import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'
import { InMemoryChannelLayer } from 'tideway'
import type { KeptGroups } from 'tideway/layer/kit'

import { startRedis } from '../redis/processes.ts'
import { Clients } from './clients.ts'

const CONNECTIONS = 5000
const GROUPS = 100_000
const GROUPS_AT_ONCE = 1000

const groupings: Readonly<Record<string, (n: number) => string>> = {
  'one group': () => 'lobby',
  'a group each': (n) => `room${n}`,
}

/** The heap of the server per connection, in bytes. */
async function perConnection(path: (n: number) => string): Promise<number> {
  const clients = await Clients.start()
  await clients.open(1000, path)
  await clients.closeAll()
  const before = await clients.settledUsage()
  await clients.open(CONNECTIONS, path)
  const after = await clients.settledUsage()
  clients.stop()
  return (after.heapBytes - before.heapBytes) / CONNECTIONS
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

async function followAll(groups: KeptGroups): Promise<number> {
  const follower = { onEntry: () => {}, onVolatile: () => {}, onReset: () => {} }
  const before = heap()
  for (let first = 0; first < GROUPS; first += GROUPS_AT_ONCE) {
    const follows = Array.from({ length: GROUPS_AT_ONCE }, (_, index) =>
      groups.follow(`room${first + index}`, follower),
    )
    for (const { cursor } of await Promise.all(follows)) cursor.start()
  }
  return (heap() - before) / GROUPS
}

async function redisBytes(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1])
}

/** The memory of followers beside members, and of many groups with one follower each. */
export async function memory(print: (line: string) => void): Promise<void> {
  for (const [name, group] of Object.entries(groupings)) {
    const member = await perConnection((n) => `/member/${group(n)}/`)
    const follower = await perConnection((n) => `/follower/${group(n)}/`)
    print(
      `heap of a connection, ${name}: member ${member.toFixed(0)} bytes, follower ${follower.toFixed(0)}, ` +
        `${(follower - member).toFixed(0)} more`,
    )
  }
  const inMemory = new InMemoryChannelLayer()
  print(`${GROUPS} groups of one follower, in memory: ${(await followAll(inMemory.keptGroups)).toFixed(0)} bytes each`)
  await inMemory.close()
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
  await layer.ready()
  const before = await redisBytes(client)
  const bytes = await followAll(layer.keptGroups)
  const inRedis = ((await redisBytes(client)) - before) / GROUPS
  print(`${GROUPS} groups of one follower, on Redis: ${bytes.toFixed(0)} bytes each, ${inRedis.toFixed(0)} in Redis`)
  await layer.close()
  client.disconnect()
  await redis.stop()
}

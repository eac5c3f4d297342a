import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'
import { formatPosition } from 'tideway/layer'

import { startRedis } from '../redis/processes.ts'
import { Clients } from './clients.ts'

const FOLLOWERS = 9000
const WARM_UP = 2000
const MISSED = 100
const text = 'x'.repeat(120)
/** With a header of two bytes. */
const FRAME_BYTES = text.length + 2

async function scriptCalls(client: Redis): Promise<number> {
  const info = await client.info('commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0)
}

/** Followers of one group on Redis return together, each with the same 100 missed events. */
export async function resume(print: (line: string) => void): Promise<void> {
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
  /** Publishes the events of a new group, and returns the path of a follower that has missed all but the first. */
  const missed = async (room: string): Promise<string> => {
    const publish = () => layer.keptGroups.publish(room, JSON.stringify({ e: 'said', d: { text } }))
    const { position } = await publish()
    for (let n = 0; n < MISSED; n++) await publish()
    return `/follower/${room}/?since=${formatPosition(position)}`
  }
  const clients = await Clients.start({ REDIS_URL: redis.url })
  const measure = async (count: number, path: string, bytes = 0): Promise<number> => {
    const { cpuMicroseconds } = await clients.usage()
    await clients.open(count, () => path, bytes)
    const used = (await clients.usage()).cpuMicroseconds - cpuMicroseconds
    await clients.closeAll()
    return used / count
  }
  for (const path of ['/plain/lobby/', await missed('warm-up')]) await measure(WARM_UP, path, 0)
  const costs: { readonly handshake: number; readonly resumed: number; readonly reads: number }[] = []
  for (let run = 0; run < 3; run++) {
    const handshake = await measure(FOLLOWERS, '/plain/lobby/')
    const resuming = await missed(`lobby${run}`)
    const before = await scriptCalls(client)
    const resumed = await measure(FOLLOWERS, resuming, MISSED * FRAME_BYTES)
    costs.push({ handshake, resumed, reads: (await scriptCalls(client)) - before })
  }
  for (const { handshake, resumed, reads } of costs) {
    print(
      `resume, ${FOLLOWERS} followers with ${MISSED} missed events each: ${reads} reads of Redis, ` +
        `${resumed.toFixed(0)} µs of CPU each, ${(resumed - handshake).toFixed(0)} above the handshake of ${handshake.toFixed(0)}`,
    )
  }
  clients.stop()
  await layer.close()
  client.disconnect()
  await redis.stop()
}

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'

import { startRedis } from '../redis/processes.ts'

const people = 10_000
const restSeconds = 10

/** The processor time of Redis since its start, in microseconds, and the commands that it has executed. */
async function used(client: Redis): Promise<{ readonly cpu: number; readonly commands: number }> {
  const info = `${await client.info('cpu')}${await client.info('stats')}`
  const field = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)![1])
  return {
    cpu: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6,
    commands: field('total_commands_processed'),
  }
}

/** People who enter and leave one group on two processes, and the commands at rest. */
export async function presence(print: (line: string) => void): Promise<void> {
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const layers = [1, 2].map(() => new RedisPubSubChannelLayer({ hosts: [redis.url], prefix: 'bench' }))
  await Promise.all(layers.map((layer) => layer.ready()))
  const all = layers.map((layer) => layer.keptGroups.presence!)
  let diffs = 0
  for (const one of all) await one.watch('room', { onOpen: () => {}, onDiff: () => void diffs++ })

  const measure = async (what: string, count: number, run: () => Promise<unknown>): Promise<void> => {
    const before = await used(client)
    const own = process.cpuUsage()
    const start = performance.now()
    diffs = 0
    await run()
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(own)
    const after = await used(client)
    const redisMicroseconds = ((after.cpu - before.cpu) / count).toFixed(1)
    const perProcess = ((user + system) / count / layers.length).toFixed(1)
    print(
      `${what}: ${(count / seconds).toFixed(0)} per second, ${redisMicroseconds} µs of Redis and ${perProcess} µs of each process per change, ${diffs / layers.length} diffs per watcher`,
    )
  }
  const enter = (index: number) =>
    all[index % all.length]!.enter('room', { key: `user ${index}`, meta: { name: `User ${index}` } })
  const members: Awaited<ReturnType<typeof enter>>[] = []
  await measure(`${people} people enter one group`, people, async () => {
    members.push(...(await Promise.all(Array.from({ length: people }, (_, index) => enter(index)))))
  })
  const before = await used(client)
  await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000))
  const after = await used(client)
  print(
    `at rest with ${people} people on ${layers.length} processes: ${((after.commands - before.commands) / restSeconds).toFixed(1)} commands per second`,
  )
  await measure(`${people} people leave`, people, async () => {
    for (const member of members) member.leave({ isFinal: true })
    while ((await all[0]!.who('room', 0)).count > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  })
  await Promise.all(layers.map((layer) => layer.close()))
  client.disconnect()
  await redis.stop()
}

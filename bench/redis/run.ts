import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'

import { Receiver, startRedis, type LayerKind } from './processes.ts'

const message = { type: 'chat.message', message: 'x'.repeat(128), user: 'username' }

function makeLayer(kind: LayerKind, url: string): RedisChannelLayer | RedisPubSubChannelLayer {
  return kind === 'pubsub' ? new RedisPubSubChannelLayer({ hosts: [url] }) : new RedisChannelLayer({ hosts: [url] })
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Returns the CPU time of the receiving process per delivery, in microseconds. */
async function receiving(language: 'tideway' | 'python', kind: LayerKind, sends: number): Promise<number> {
  const members = 1000
  const redis = await startRedis()
  const receiver = await Receiver.start(language, kind, redis.url, members)
  const sender = makeLayer(kind, redis.url)
  const warmUp = Math.ceil(sends / 5)
  let sent = 0
  const send = async (): Promise<number> => {
    await sender.groupSend('bench', message)
    return (await receiver.delivered(++sent * members)).cpuMs
  }
  let before = 0
  for (let n = 0; n < warmUp; n++) before = await send()
  let after = before
  for (let n = 0; n < sends; n++) after = await send()
  await sender.close()
  await receiver.stop()
  await redis.stop()
  return ((after - before) * 1000) / (sends * members)
}

interface SendingCost {
  readonly milliseconds: number
  readonly cpuMicroseconds: number
  readonly redisBytes: number
}

/** Measures one groupSend with members on four processes. */
async function sending(kind: LayerKind, members: number): Promise<SendingCost> {
  const redis = await startRedis()
  const receivers = await Promise.all(
    Array.from({ length: 4 }, () => Receiver.start('tideway', kind, redis.url, members / 4)),
  )
  const sender = makeLayer(kind, redis.url)
  const client = new Redis(redis.url)
  const sends = 100
  const warmUp = 20
  // Receiving is measured separately. Here it would compete with this process and Redis for the processors.
  for (const receiver of receivers) receiver.signal('SIGSTOP')
  const times: number[] = []
  let cpu = process.cpuUsage()
  let bytes = 0
  for (let n = 1; n <= warmUp + sends; n++) {
    const start = performance.now()
    await sender.groupSend('bench', message)
    times.push(performance.now() - start)
    if (n !== warmUp) continue
    bytes = await redisBytes(client)
    cpu = process.cpuUsage()
  }
  const used = process.cpuUsage(cpu)
  const redisBytesUsed = (await redisBytes(client)) - bytes
  for (const receiver of receivers) receiver.signal('SIGCONT')
  await Promise.all(receivers.map((receiver) => receiver.delivered(((warmUp + sends) * members) / 4)))
  client.disconnect()
  await sender.close()
  await Promise.all(receivers.map((receiver) => receiver.stop()))
  await redis.stop()
  return {
    milliseconds: median(times.slice(warmUp)),
    cpuMicroseconds: (used.user + used.system) / sends,
    redisBytes: Math.round(redisBytesUsed / sends),
  }
}

async function redisBytes(client: Redis): Promise<number> {
  const info = await client.info('stats')
  const [read, written] = ['input', 'output'].map((way) =>
    Number(new RegExp(`total_net_${way}_bytes:(\\d+)`).exec(info)![1]),
  )
  return read! + written!
}

interface DrainingCost {
  readonly messagesPerSecond: number
  readonly messagesPerCpuSecond: number
}

/** Measures how fast one process drains its queue. */
async function draining(count: number): Promise<DrainingCost> {
  const redis = await startRedis()
  const receiver = await Receiver.start('tideway', 'core', redis.url, 1)
  // The capacity is larger than the number of messages, because a send to a full queue rejects.
  const sender = new RedisChannelLayer({ hosts: [redis.url], processCapacity: 2 * count })
  for (let sent = 0; sent < 20_000; sent += 2000) await sendMany(sender, receiver.channel, 2000)
  const before = await receiver.delivered(20_000)
  receiver.signal('SIGSTOP')
  for (let sent = 0; sent < count; sent += 2000) await sendMany(sender, receiver.channel, 2000)
  const start = performance.now()
  receiver.signal('SIGCONT')
  const after = await receiver.delivered(20_000 + count)
  const seconds = (performance.now() - start) / 1000
  await sender.close()
  await receiver.stop()
  await redis.stop()
  return {
    messagesPerSecond: Math.round(count / seconds),
    messagesPerCpuSecond: Math.round(count / ((after.cpuMs - before.cpuMs) / 1000)),
  }
}

async function sendMany(sender: RedisChannelLayer, channel: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => sender.send(channel, message)))
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

for (const kind of ['pubsub', 'core'] as const) {
  const ours = await receiving('tideway', kind, 1000)
  const theirs = await receiving('python', kind, 30)
  print(
    `receiving, ${kind}, 1,000 members: tideway ${ours.toFixed(2)} µs of CPU per delivery, ` +
      `channels_redis ${theirs.toFixed(2)}, ${(theirs / ours).toFixed(0)} times as much`,
  )
}
for (const kind of ['pubsub', 'core'] as const) {
  for (const members of [100, 100_000]) {
    const { milliseconds, cpuMicroseconds, redisBytes } = await sending(kind, members)
    print(
      `sending, ${kind}, ${members} members on 4 processes: ${milliseconds.toFixed(2)} ms, ` +
        `${cpuMicroseconds.toFixed(0)} µs of CPU, ${redisBytes} bytes read and written by Redis`,
    )
  }
}
const { messagesPerSecond, messagesPerCpuSecond } = await draining(200_000)
print(`draining, core: ${messagesPerSecond} messages per second, ${messagesPerCpuSecond} per second of CPU`)

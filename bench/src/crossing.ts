import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chatMessage, clientFrame, openConnections, serverFrameLength, settle } from './load.ts'
import { freePort, listening, startCommand, startServer, type ServerProcess } from './server-process.ts'
import { median } from './table.ts'

// A message crosses Redis: its sender is connected to one server process, 1,000 members of the room to another.

const MEMBERS = 1000
const MESSAGE_BYTES = 128
const IN_FLIGHT = 8
const PATH = '/ws/chat/lobby/'
const django = fileURLToPath(new URL('../../peers/django', import.meta.url))

/** A kind of layer, and its name on each side. */
const layers = [
  { title: 'pub/sub layer', tideway: 'pubsub', channels: 'pubsub' },
  { title: 'core layer', tideway: 'redis', channels: 'redis' },
] as const

interface Side {
  start(redisUrl: string): Promise<ServerProcess>
  /** What a member receives; Python's JSON has spaces. */
  answer(message: string): string
}

/** Prints one line a layer: CPU of the receiving process for each delivery, and how many times tideway's the other's is. */
export async function measureCrossing(runs: number, seconds: number): Promise<void> {
  for (const layer of layers) {
    const sides: Readonly<Record<string, Side>> = {
      tideway: {
        start: (redisUrl) => startServer('tideway', { REDIS_URL: redisUrl, CHANNEL_LAYER: layer.tideway }),
        answer: (message) => JSON.stringify({ message, user: '' }),
      },
      'Channels on uvicorn': {
        start: (redisUrl) =>
          startCommand('/usr/bin/python3', UVICORN, { PYTHONPATH: django, LAYER: layer.channels, REDIS: redisUrl }),
        answer: (message) => `{"message": "${message}", "user": ""}`,
      },
    }
    const figures = Object.keys(sides).map((name) => ({ name, values: [] as number[] }))
    for (let run = 0; run < runs; run++) {
      for (const { name, values } of figures) values.push(await measureSide(sides[name]!, seconds))
    }
    const [own, other] = figures.map(({ values }) => median(values)) as [number, number]
    console.log(
      `${layer.title}, sender on another process, ${MEMBERS} members, ${IN_FLIGHT} in flight (µs of CPU of the receiver a delivery): ` +
        `tideway ${own.toFixed(2)}   Channels on uvicorn ${other.toFixed(2)}   1/${(other / own).toFixed(1)}   (medians of ${runs})`,
    )
  }
}

const UVICORN = ['-m', 'uvicorn', '--app-dir', django, '--port', 'PORT', '--log-level', 'error', 'asgi:application']

async function measureSide(side: Side, seconds: number): Promise<number> {
  const redisPort = await freePort()
  const redis = spawn('redis-server', ['--port', String(redisPort), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  })
  await listening(redisPort, redis)
  const redisUrl = `redis://127.0.0.1:${redisPort}`
  const servers = [await side.start(redisUrl), await side.start(redisUrl)] as const
  try {
    const [receiver, sender] = servers
    const members = await openConnections({ port: receiver.port, path: PATH }, MEMBERS)
    const senders = await openConnections({ port: sender.port, path: PATH }, 1)
    await settle()
    const { text } = chatMessage(MESSAGE_BYTES)
    const { message } = JSON.parse(text) as { message: string }
    const length = serverFrameLength(side.answer(message))
    const burst = Buffer.concat(Array.from({ length: IN_FLIGHT }, () => clientFrame(text)))
    const deliverFor = async (ms: number): Promise<number> => {
      const from = members.received()
      for (const end = performance.now() + ms; performance.now() < end;) {
        const before = members.received()
        senders.sockets[0]!.write(burst)
        await members.reached(before + MEMBERS * IN_FLIGHT * length)
      }
      return (members.received() - from) / length
    }
    await deliverFor(1000)
    const before = await receiver.usage()
    const deliveries = await deliverFor(seconds * 1000)
    const after = await receiver.usage()
    members.close()
    senders.close()
    return (after.cpuMicroseconds - before.cpuMicroseconds) / deliveries
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    redis.kill('SIGKILL')
    await once(redis, 'exit')
  }
}

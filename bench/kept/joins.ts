import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { WebSocket } from 'ws'

import { startRedis } from '../redis/processes.ts'

/** The people who are in the room before the storm, on two processes. */
const PEOPLE = 9000
/** The people who join it within a second. */
const JOINS = 1000
const WATCHERS = 20
/** The members of the room in which single changes are measured, and the changes. */
const MEMBERS = 1000
const CHANGES = 100
const CHANGES_MS = 3000
/** The clients that connect at a time. */
const PARALLEL = 50

/** A server in a process of its own. */
class Peer {
  readonly #child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(file: string, env: Readonly<Record<string, string>> = {}): Promise<Peer> {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], { env: { ...process.env, ...env } })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Peer(child, port)
  }

  /** Resolves with the processor time of the process so far, in microseconds, when the task is done. */
  async run(task: object): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send(task)
    return ((await answer) as [{ cpuMicroseconds: number }])[0].cpuMicroseconds
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

interface Client {
  readonly socket: WebSocket
  /** The times of the changes of people that it has got. */
  readonly changes: number[]
  count: number
}

/** A client of the live protocol in the room. Resolves when it has joined. */
async function joined(port: number, who: 'list' | 'count', person?: string): Promise<Client> {
  const query = person === undefined ? '' : `?person=${person}`
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${query}`, 'tideway.v1.json')
  const client: Client = { socket, changes: [], count: 0 }
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => socket.send(JSON.stringify({ t: 'hello', v: 1, groups: { 'crowd.lobby': { who } } })))
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as { readonly t?: string; readonly w?: { readonly count: number } }
      if (frame.t === 'joined') resolve()
      if (frame.w === undefined) return
      client.changes.push(performance.now())
      client.count = frame.w.count
    })
  })
  return client
}

/** A client of Socket.IO. Resolves when it is connected. */
async function socketIoClient(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`)
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data: Buffer) => {
      const text = data.toString()
      if (text.startsWith('0')) socket.send('40')
      else if (text.startsWith('40')) resolve()
      else if (text === '2') socket.send('3')
    })
  })
  return socket
}

/** Opens clients, some at a time. */
async function open<Opened>(count: number, one: (index: number) => Promise<Opened>): Promise<Opened[]> {
  const opened: Opened[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) opened.push(await one(next++))
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
  return opened
}

/** The most of these times within one second. */
function mostPerSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((start) => times.filter((time) => time >= start && time < start + 1000).length))
}

async function storm(redisUrl: string, print: (line: string) => void): Promise<void> {
  const servers = await Promise.all([1, 2].map(() => Peer.start('presence-server.ts', { REDIS_URL: redisUrl })))
  const of = (index: number): Peer => servers[index % servers.length]!
  const count = PEOPLE / servers.length
  await Promise.all(servers.map((server, index) => server.run({ do: 'enter', prefix: `${index}.`, count })))
  const watchers = await open(WATCHERS, (index) => joined(of(index).port, index < WATCHERS / 2 ? 'list' : 'count'))
  for (const { changes } of watchers) changes.length = 0
  const usage = async (): Promise<number> =>
    (await Promise.all(servers.map((server) => server.run({ do: 'usage' })))).reduce((sum, one) => sum + one)
  const before = await usage()
  const start = performance.now()
  const joining = Array.from({ length: JOINS }, async (_, index) => {
    await delay(index)
    return joined(of(index).port, 'count', `joins-${index}`)
  })
  const people = await Promise.all(joining)
  const seconds = (performance.now() - start) / 1000
  while (watchers.some(({ count: seen }) => seen !== PEOPLE + JOINS)) await delay(10)
  const used = (await usage()) - before
  const most = Math.max(...watchers.map(({ changes }) => mostPerSecond(changes)))
  const all = watchers.map(({ changes }) => changes.length)
  print(
    `${JOINS} people join ${PEOPLE} on 2 processes in ${seconds.toFixed(1)} s: at most ${most} changes per second and client, ` +
      `${Math.min(...all)} to ${Math.max(...all)} in all; ${(used / JOINS).toFixed(0)} µs of both servers per join, with its handshake`,
  )
  for (const { socket } of [...watchers, ...people]) socket.terminate()
  for (const server of servers) server.stop()
}

/** The processor time of the server per change of a person and member of the room, in microseconds. */
async function perChange(peer: Peer, task: object): Promise<string> {
  const before = await peer.run({ do: 'usage' })
  const used = (await peer.run({ ...task, count: CHANGES, overMs: CHANGES_MS })) - before
  return `${(used / CHANGES / MEMBERS).toFixed(2)} µs`
}

async function singleChanges(redisUrl: string, print: (line: string) => void): Promise<void> {
  const server = await Peer.start('presence-server.ts', { REDIS_URL: redisUrl })
  await server.run({ do: 'enter', prefix: 'here.', count: MEMBERS - 1 })
  const clients = await open(MEMBERS, () => joined(server.port, 'list'))
  const what = `a change of a room with ${MEMBERS} members, CPU of the server per change and member`
  print(`${what}: tideway, sent to all: ${await perChange(server, { do: 'change', prefix: 'new.' })}`)
  for (const { socket } of clients) socket.terminate()
  server.stop()
  if (!existsSync(new URL('../peers/node_modules/socket.io', import.meta.url))) {
    print('Socket.IO is not installed: npm run bench -- peers')
    return
  }
  const peer = await Peer.start('../peers/socket-io-presence.mjs')
  const sockets = await open(MEMBERS, () => socketIoClient(peer.port))
  print(`${what}: Socket.IO, a broadcast by hand: ${await perChange(peer, { do: 'broadcast' })}`)
  print(
    `${what}: Socket.IO, fetchSockets() in the server, nothing sent: ${await perChange(peer, { do: 'fetchSockets' })}`,
  )
  for (const socket of sockets) socket.terminate()
  peer.stop()
}

/** People who join a large room within a second, and what one change costs. */
export async function joins(print: (line: string) => void): Promise<void> {
  const redis = await startRedis()
  try {
    await storm(redis.url, print)
    await singleChanges(redis.url, print)
  } finally {
    await redis.stop()
  }
}

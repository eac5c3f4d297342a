import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'

import { startRedis } from '../redis/processes.ts'
import { handshake } from '../pinned/states.ts'
import { Clients } from './clients.ts'

const FOLLOWERS = 1000
const ROUNDS = 150
const IN_FLIGHT = [8, 1]
const POLLS = 3000
const POLLS_AT_ONCE = 32
/** A minute, in which a stream has four comments. */
const IDLE_MS = 60_000
/** A character that only the events of this bench contain. */
const MARK = 0x5e

const hello = JSON.stringify({ t: 'hello', v: 1, groups: { 'room.lobby': {} } })

function post(path: string, accept: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: ${accept}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** The frame of a client with this text, masked with zeros. */
function maskedFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}

/** Followers that count the events that all of them have received. */
class Followers {
  readonly #sockets: Socket[] = []
  #events = 0
  bytes = 0
  #wanted = Infinity
  #resolve: (() => void) | undefined

  /** Resolves when the follower has joined. */
  add(port: number, transport: string): Promise<void> {
    const socket = connect(port, '127.0.0.1')
    this.#sockets.push(socket)
    let head = ''
    return new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        this.bytes += chunk.length
        for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) this.#events++
        if (this.#events >= this.#wanted) this.#resolve?.()
        if (head === 'joined') return
        head += chunk.toString('latin1')
        if (transport === 'WebSocket' && head.endsWith('\r\n\r\n')) socket.write(maskedFrame(hello))
        if (!head.includes('"t":"joined"')) return
        head = 'joined'
        resolve()
      })
      socket.write(transport === 'WebSocket' ? handshakeOfLive() : post('/live/', 'text/event-stream', hello))
    })
  }

  /** Resolves when all followers together have received so many more events. */
  received(count: number): Promise<void> {
    this.#wanted = this.#events + count
    return new Promise((resolve) => (this.#resolve = resolve))
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function handshakeOfLive(): string {
  return handshake('/live/').replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: tideway.v1.json\r\n\r\n')
}

/** The CPU of the server per event and follower, in microseconds, by events in flight; and the bytes of one that is idle. */
async function delivery(transport: string): Promise<{ readonly costs: number[]; readonly idleBytes: number }> {
  const clients = await Clients.start()
  const followers = new Followers()
  for (let n = 0; n < FOLLOWERS; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => followers.add(clients.port, transport)))
  }
  const costs: number[] = []
  for (const inFlight of IN_FLIGHT) {
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        const received = followers.received(FOLLOWERS * inFlight)
        clients.publish(inFlight)
        await received
      }
    }
    await rounds(50)
    const { cpuMicroseconds } = await clients.usage()
    await rounds(ROUNDS)
    costs.push(((await clients.usage()).cpuMicroseconds - cpuMicroseconds) / (ROUNDS * inFlight * FOLLOWERS))
  }
  const before = followers.bytes
  if (transport === 'stream') await delay(IDLE_MS)
  const idleBytes = (followers.bytes - before) / FOLLOWERS
  followers.end()
  clients.stop()
  return { costs, idleBytes }
}

/** Polls of one group on Redis that find nothing: the CPU of each in microseconds, and the calls of Redis of all. */
async function polls(): Promise<{ readonly cost: number; readonly calls: number }> {
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
  const clients = await Clients.start({ REDIS_URL: redis.url })
  const url = `http://127.0.0.1:${clients.port}/live/`
  const poll = async (groups: object): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ t: 'hello', v: 1, wait: 0, groups }),
    })
  const [, joined] = (await (await poll({ 'room.lobby': {} })).json()) as [unknown, { readonly at: string }]
  const pollAll = async (count: number): Promise<void> => {
    let started = 0
    const lane = async (): Promise<void> => {
      while (started++ < count) {
        const { status } = await poll({ 'room.lobby': { since: joined.at } })
        if (status !== 204) throw new Error(`A poll was answered with ${status}.`)
      }
    }
    await Promise.all(Array.from({ length: POLLS_AT_ONCE }, lane))
  }
  await pollAll(1000)
  const callsOf = async (): Promise<number> =>
    [...(await client.info('commandstats')).matchAll(/cmdstat_(?:evalsha|eval|fcall):calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    )
  const [{ cpuMicroseconds }, calls] = [await clients.usage(), await callsOf()]
  await pollAll(POLLS)
  const cost = ((await clients.usage()).cpuMicroseconds - cpuMicroseconds) / POLLS
  const callsMore = (await callsOf()) - calls
  clients.stop()
  await layer.close()
  client.disconnect()
  await redis.stop()
  return { cost, calls: callsMore }
}

/** What the HTTP transports of a live consumer cost, beside its WebSocket. */
export async function http(print: (line: string) => void): Promise<void> {
  const results = new Map<string, Awaited<ReturnType<typeof delivery>>>()
  for (const transport of ['WebSocket', 'stream']) results.set(transport, await delivery(transport))
  for (const [index, inFlight] of IN_FLIGHT.entries()) {
    const [socket, stream] = ['WebSocket', 'stream'].map((transport) => results.get(transport)!.costs[index]!)
    print(
      `delivery to ${FOLLOWERS} followers, ${inFlight} in flight: WebSocket ${socket!.toFixed(2)} µs, ` +
        `stream ${stream!.toFixed(2)} µs: ${(stream! / socket!).toFixed(2)}`,
    )
  }
  print(`an idle stream: ${results.get('stream')!.idleBytes.toFixed(0)} bytes a minute`)
  const { cost, calls } = await polls()
  print(`a poll that finds nothing: ${cost.toFixed(0)} µs of CPU; ${POLLS} of them: ${calls} scripts of Redis`)
}
